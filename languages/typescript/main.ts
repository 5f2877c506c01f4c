// Registers stored content by its hash, with the types that openapi-typescript makes of openapi.yaml.
import createClient from "openapi-fetch";
import type { components, paths } from "./client.js";

/** The variable's value; where it is empty, undefined: the member is then absent. */
const given = (variable: string): string | undefined => process.env[variable] || undefined;

function request(): components["schemas"]["CreateAssetFromHashRequest"] {
  const metadata = given("COMFY_ASSET_METADATA");
  return {
    hash: given("COMFY_ASSET_HASH") ?? "",
    tags: JSON.parse(given("COMFY_ASSET_TAGS") ?? "[]"),
    name: given("COMFY_ASSET_NAME"),
    mime_type: given("COMFY_ASSET_MIME_TYPE"),
    user_metadata: metadata === undefined ? undefined : JSON.parse(metadata),
  };
}

async function register(): Promise<string> {
  const api = createClient<paths>({
    baseUrl: given("COMFY_CLOUD_BASE_URL"),
    headers: { "X-API-Key": given("COMFY_CLOUD_API_KEY") },
    redirect: "error", // fetch would send the key along to wherever a redirect points
  });
  const { data, response } = await api.POST("/api/assets/from-hash", {
    body: request(),
  });
  // The types are gone when the program runs: nothing has held the answer against the contract.
  if ((response.status !== 200 && response.status !== 201) || typeof data?.id !== "string") {
    throw new Error(`no reference: HTTP status ${response.status}`);
  }
  console.log(response.status, JSON.stringify(data));
  return data.id;
}

// fetch has no time limit of its own, and a signal did not end the reading of an answer without end.
setTimeout(() => {
  console.error("error: no answer within 9 s");
  process.exit(1);
}, 9_000).unref();

try {
  console.log(await register());
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
