// Registers stored content by its hash, with the client that oapi-codegen makes of openapi.yaml.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	// Generated code imports it where an operation has parameters; here, so that its pins stay.
	_ "github.com/oapi-codegen/runtime"

	"comfy-assets.example/go/client"
)

func register() (string, error) {
	request := client.CreateAssetFromHashRequest{
		Hash: os.Getenv("COMFY_ASSET_HASH"), Name: given("COMFY_ASSET_NAME"), MimeType: given("COMFY_ASSET_MIME_TYPE"),
	}
	if err := json.Unmarshal([]byte(os.Getenv("COMFY_ASSET_TAGS")), &request.Tags); err != nil {
		return "", fmt.Errorf("COMFY_ASSET_TAGS is no JSON array of strings: %w", err)
	}
	if metadata := given("COMFY_ASSET_METADATA"); metadata != nil {
		if err := json.Unmarshal([]byte(*metadata), &request.UserMetadata); err != nil {
			return "", fmt.Errorf("COMFY_ASSET_METADATA is no JSON object: %w", err)
		}
	}
	// Go would send the key along to wherever a redirect points, and has no time limit of its own.
	transport := &http.Client{Timeout: 9 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	api, err := client.NewClientWithResponses(os.Getenv("COMFY_CLOUD_BASE_URL"), client.WithHTTPClient(transport),
		client.WithRequestEditorFn(func(_ context.Context, sent *http.Request) error {
			sent.Header.Set("X-API-Key", os.Getenv("COMFY_CLOUD_API_KEY"))
			return nil
		}))
	if err != nil {
		return "", err
	}
	answer, err := api.CreateAssetFromHashWithResponse(context.Background(), request)
	if err != nil {
		return "", err
	}
	for _, asset := range []*client.AssetCreated{answer.JSON200, answer.JSON201} {
		if asset != nil && asset.Id.String() != "00000000-0000-0000-0000-000000000000" {
			held, err := json.Marshal(asset)
			fmt.Println(answer.StatusCode(), string(held))
			return asset.Id.String(), err
		}
	}
	return "", fmt.Errorf("no reference: %s", answer.Status())
}

// given is nil where the variable is empty: the member is then absent.
func given(variable string) *string {
	if value := os.Getenv(variable); value != "" {
		return &value
	}
	return nil
}

func main() {
	id, err := register()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Println(id)
}
