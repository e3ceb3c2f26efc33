//! Receives Tencent Cloud Chat's Follow webhooks in a Cloudflare Worker.

#[cfg(target_arch = "wasm32")]
mod door {
    use worker::{Context, Env, Result, event, web_sys};

    #[event(start)]
    fn start() {
        console_error_panic_hook::set_once();
    }

    #[event(fetch)]
    async fn fetch(_request: web_sys::Request, _env: Env, _ctx: Context) -> Result<web_sys::Response> {
        Ok(web_sys::Response::new_with_opt_str(Some(
            r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#,
        ))?)
    }
}
