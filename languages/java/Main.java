// Registers stored content by its hash, with the client that openapi-generator makes of openapi.yaml.

import client.ApiClient;
import client.AssetApi;
import client.AssetCreated;
import client.CreateAssetFromHashRequest;
import com.fasterxml.jackson.core.type.TypeReference;
import java.net.http.HttpClient;
import java.util.List;
import java.util.Map;
import java.util.Timer;
import java.util.TimerTask;

public final class Main {
    public static void main(String[] arguments) {
        // The read timeout of the generated client did not end every wait for an answer.
        new Timer(true).schedule(new TimerTask() {
            @Override
            public void run() {
                System.err.println("error: no answer within 20 s");
                Runtime.getRuntime().halt(1);
            }
        }, 20_000);
        try {
            System.out.println(register());
        } catch (Exception error) {
            System.err.println("error: " + error.getMessage());
            System.exit(1);
        }
    }

    private static String register() throws Exception {
        ApiClient api = new ApiClient();
        api.updateBaseUri(System.getenv("COMFY_CLOUD_BASE_URL"));
        api.setHttpClientBuilder(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1));
        api.setRequestInterceptor(request -> request.header("X-API-Key", System.getenv("COMFY_CLOUD_API_KEY")));
        CreateAssetFromHashRequest request = new CreateAssetFromHashRequest()
            .hash(System.getenv("COMFY_ASSET_HASH"))
            .tags(api.getObjectMapper().readValue(System.getenv("COMFY_ASSET_TAGS"), new TypeReference<List<String>>() {}))
            .name(given("COMFY_ASSET_NAME"))
            .mimeType(given("COMFY_ASSET_MIME_TYPE"));
        String metadata = given("COMFY_ASSET_METADATA");
        // Said in any case: the generated class would send {} for metadata that was not given.
        request.setUserMetadata(metadata == null ? null
            : api.getObjectMapper().readValue(metadata, new TypeReference<Map<String, Object>>() {}));
        var answer = new AssetApi(api).createAssetFromHashWithHttpInfo(request);
        AssetCreated asset = answer.getData();
        // The generated client takes every status below 300 for a success.
        if ((answer.getStatusCode() != 200 && answer.getStatusCode() != 201) || asset == null || asset.getId() == null) {
            throw new IllegalStateException("no reference: HTTP status " + answer.getStatusCode());
        }
        System.out.println(answer.getStatusCode() + " " + api.getObjectMapper().writeValueAsString(asset));
        return asset.getId().toString();
    }

    /** The variable's value; null where it is empty: the member is then absent. */
    private static String given(String variable) {
        String value = System.getenv(variable);
        return value == null || value.isEmpty() ? null : value;
    }
}
