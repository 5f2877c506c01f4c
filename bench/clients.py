"""One client, asking for one reference after the other, or 20 at a time; a process of its own.

    python bench/clients.py CLIENT URL COUNT

Prints `{"seconds": ..., "cpu": ...}` of so many calls, after a warm-up. Runs in the environment of whom it
measures, so it imports nothing else.
"""

import asyncio
import json
import sys
import time

KEY = "key-of-the-measurement"
TOGETHER = 20
ASKED = {
    "hash": "blake3:" + "a1" * 32,
    "tags": ["models", "loras"],
    "name": "portrait.safetensors",
    "mime_type": "application/octet-stream",
    "user_metadata": {"source": "bench", "step": 3},
}


def ours_sync(url):
    """`AssetsClient`: the generated models and our loop around them."""
    from comfy_assets import AssetsClient

    client = AssetsClient(KEY, url)
    rest = {name: ASKED[name] for name in ("name", "mime_type", "user_metadata")}
    return lambda: client.create_asset_from_hash(ASKED["hash"], ASKED["tags"], **rest)


def ours_async(url):
    """`AsyncAssetsClient`."""
    from comfy_assets import AsyncAssetsClient

    client = AsyncAssetsClient(KEY, url)
    rest = {name: ASKED[name] for name in ("name", "mime_type", "user_metadata")}
    return lambda: client.create_asset_from_hash(ASKED["hash"], ASKED["tags"], **rest)


def stock_async(url):
    """The package that the generator makes without our templates."""
    from comfy_assets_api import AuthenticatedClient
    from comfy_assets_api.api.asset import create_asset_from_hash
    from comfy_assets_api.models import CreateAssetFromHashRequest

    client = AuthenticatedClient(base_url=url, token=KEY, prefix="", auth_header_name="X-API-Key")
    return lambda: create_asset_from_hash.asyncio(
        client=client, body=CreateAssetFromHashRequest.from_dict(dict(ASKED))
    )


def openapi_sync(url):
    """openapi-generator, urllib3."""
    import peer_urllib3 as peer

    settings = peer.Configuration(host=url, api_key={"ApiKeyAuth": KEY})
    api = peer.AssetApi(peer.ApiClient(settings))
    return lambda: api.create_asset_from_hash(peer.CreateAssetFromHashRequest(**ASKED))


def openapi_async(url):
    """openapi-generator, aiohttp."""
    import peer_asyncio as peer

    settings = peer.Configuration(host=url, api_key={"ApiKeyAuth": KEY})
    api = peer.AssetApi(peer.ApiClient(settings))
    return lambda: api.create_asset_from_hash(peer.CreateAssetFromHashRequest(**ASKED))


def aiohttp_alone(url):
    """No client: aiohttp, and JSON decoded by hand."""
    import aiohttp

    session = aiohttp.ClientSession()
    headers = {"X-API-Key": KEY}

    async def call():
        async with session.post(f"{url}/api/assets/from-hash", json=ASKED, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json()

    return call


def run_sync(make, url, count):
    """One after the other."""
    call = make(url)
    for _ in range(count // 10 + 1):
        call()
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        call()
    return time.perf_counter() - began, time.process_time() - cpu


async def run_async(make, url, count):
    """Twenty at a time."""
    call = make(url)

    async def calls(many):
        for _ in range(many):
            await call()

    await asyncio.gather(*(calls(count // TOGETHER // 10 + 1) for _ in range(TOGETHER)))
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(calls(count // TOGETHER) for _ in range(TOGETHER)))
    return time.perf_counter() - began, time.process_time() - cpu


def main():
    """Measure one."""
    name, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    make = globals()[name]
    seconds, cpu = (
        run_sync(make, url, count) if name.endswith("sync") and not name.endswith("async")
        else asyncio.run(run_async(make, url, count))
    )  # fmt: skip
    # Sessions that are left open complain at exit; nobody is to hear it.
    print(json.dumps({"seconds": seconds, "cpu": cpu}), flush=True)
    sys.stderr.close()


if __name__ == "__main__":
    main()
