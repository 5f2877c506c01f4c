#!/usr/bin/perl
# A conforming client on what comes with Perl alone.
use strict;
use warnings;
use Encode qw(decode_utf8);
use HTTP::Tiny;
use JSON::PP;

$SIG{ALRM} = sub { print STDERR "no answer within 9 s\n"; exit 1 };
alarm 9;    # HTTP::Tiny's limit is for each wait

my $json = JSON::PP->new->utf8;
my %body = ( hash => $ENV{COMFY_ASSET_HASH}, tags => $json->decode( $ENV{COMFY_ASSET_TAGS} ) );
$body{name}          = decode_utf8( $ENV{COMFY_ASSET_NAME} )         if length $ENV{COMFY_ASSET_NAME};
$body{mime_type}     = $ENV{COMFY_ASSET_MIME_TYPE}                   if length $ENV{COMFY_ASSET_MIME_TYPE};
$body{user_metadata} = $json->decode( $ENV{COMFY_ASSET_METADATA} )   if length $ENV{COMFY_ASSET_METADATA};

my $answer = HTTP::Tiny->new( max_redirect => 0, timeout => 5 )->post(
    "$ENV{COMFY_CLOUD_BASE_URL}/api/assets/from-hash",
    {   headers => { 'Content-Type' => 'application/json', 'X-API-Key' => $ENV{COMFY_CLOUD_API_KEY} },
        content => $json->encode( \%body ),
    }
);
my $asset = $answer->{status} =~ /^20[01]$/ ? eval { $json->decode( $answer->{content} ) } : undef;
unless ( ref $asset eq 'HASH' && ( $asset->{id} // '' ) =~ /^[0-9a-f-]{36}$/i ) {
    print STDERR "not registered: HTTP status $answer->{status}\n";
    exit 1;
}
print "$asset->{id}\n";
