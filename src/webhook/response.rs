//! The response that Tencent expects: three members, all required. [Webhook Overview]

/// "Processing successful", byte for byte as Tencent's page shows it, less the white space.
pub const OK: &str = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// "Processing failure", with a non-zero error code and a sentence on what to fix. Both are literals, and the sentence
/// has nothing in it that JSON would escape: the response is made when the Worker is compiled.
macro_rules! fail {
    ($error_code:literal, $error_info:literal) => {
        concat!(r#"{"ActionStatus":"FAIL","ErrorCode":"#, $error_code, r#","ErrorInfo":""#, $error_info, r#""}"#)
    };
}

pub(crate) use fail;
