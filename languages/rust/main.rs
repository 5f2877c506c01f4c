// Registers stored content by its hash, with the client that progenitor makes of openapi.yaml.
use std::{env, error::Error, process::ExitCode, time::Duration};

use reqwest::header::{HeaderMap, HeaderValue};

mod api {
    progenitor::generate_api!(spec = "openapi.yaml");
}

/// The variable's value; None where it is empty: the member is then absent.
fn given(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

fn request() -> Result<api::types::CreateAssetFromHashRequest, Box<dyn Error>> {
    Ok(api::types::CreateAssetFromHashRequest {
        hash: env::var("COMFY_ASSET_HASH")?.parse()?,
        tags: serde_json::from_str(&env::var("COMFY_ASSET_TAGS")?)?,
        name: given("COMFY_ASSET_NAME"),
        mime_type: given("COMFY_ASSET_MIME_TYPE"),
        user_metadata: serde_json::from_str(
            given("COMFY_ASSET_METADATA").as_deref().unwrap_or("{}"),
        )?,
    })
}

async fn register() -> Result<uuid::Uuid, Box<dyn Error>> {
    let mut key = HeaderValue::from_str(&env::var("COMFY_CLOUD_API_KEY")?)?;
    key.set_sensitive(true);
    // reqwest would send the key along to wherever a redirect points, and has no time limit of its own.
    let transport = reqwest::Client::builder()
        .default_headers(HeaderMap::from_iter([("x-api-key".parse()?, key)]))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(9))
        .build()?;
    let api = api::Client::new_with_client(&env::var("COMFY_CLOUD_BASE_URL")?, transport);
    let answer = api.create_asset_from_hash(&request()?).await?;
    println!(
        "{} {}",
        answer.status().as_u16(),
        serde_json::to_string(&*answer)?
    );
    Ok(answer.id)
}

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(register()))
    {
        Ok(id) => {
            println!("{id}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
