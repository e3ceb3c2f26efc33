//! The answer that Tencent expects: three members, all required. [Webhook Overview]

use serde::Serialize;

use crate::json;

/// "Processing successful", byte for byte as Tencent's page shows it, less the white space.
pub const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// "Processing failure", with a non-zero `error_code` and a sentence on what to mend.
#[must_use]
pub fn fail(error_code: u32, error_info: &str) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Fail<'a> {
        action_status: &'static str,
        error_code: u32,
        error_info: &'a str,
    }
    json::write(&Fail { action_status: "FAIL", error_code, error_info })
}
