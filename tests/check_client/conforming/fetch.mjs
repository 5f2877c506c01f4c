// A client of the fetch that Node.js has built in.

const env = process.env;
const body = { hash: env.COMFY_ASSET_HASH, tags: JSON.parse(env.COMFY_ASSET_TAGS) };
if (env.COMFY_ASSET_NAME) body.name = env.COMFY_ASSET_NAME;
if (env.COMFY_ASSET_MIME_TYPE) body.mime_type = env.COMFY_ASSET_MIME_TYPE;
if (env.COMFY_ASSET_METADATA) body.user_metadata = JSON.parse(env.COMFY_ASSET_METADATA);

try {
  const response = await fetch(`${env.COMFY_CLOUD_BASE_URL}/api/assets/from-hash`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-API-Key": env.COMFY_CLOUD_API_KEY },
    body: JSON.stringify(body),
    redirect: "manual",
    signal: AbortSignal.timeout(8000),
  });
  if (response.status !== 200 && response.status !== 201) throw new Error(`status ${response.status}`);
  const { id } = await response.json();
  if (typeof id !== "string") throw new Error("the answer has no id");
  console.log(id);
} catch (error) {
  console.error(`failed: ${error}${error.cause ? `: ${error.cause}` : ""}`);
  process.exitCode = 1;
}
