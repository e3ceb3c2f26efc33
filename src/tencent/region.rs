//! Where Tencent's REST API is.

use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::{encoding::list_words, outgoing::https_url};

/// A data center of Chat's, each with a host of its own. An app is in one of them, which the console shows; nothing in an
/// SDKAppID says which. [1047/34620, 1047/70347: "Dedicated domain name corresponding to the country/region where the SDKAppID
/// is located"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Region {
    China,
    Singapore,
    Seoul,
    Tokyo,
    Frankfurt,
    Mumbai,
    SiliconValley,
    Jakarta,
}

impl Region {
    const fn url(self) -> &'static str {
        match self {
            Self::China => "https://console.tim.qq.com",
            Self::Singapore => "https://adminapisgp.im.qcloud.com",
            Self::Seoul => "https://adminapikr.im.qcloud.com",
            Self::Tokyo => "https://adminapijpn.im.qcloud.com",
            Self::Frankfurt => "https://adminapiger.im.qcloud.com",
            Self::Mumbai => "https://adminapiind.im.qcloud.com",
            Self::SiliconValley => "https://adminapiusa.im.qcloud.com",
            Self::Jakarta => "https://adminapiidn.im.qcloud.com",
        }
    }
}

/// The beginning of the API's URLs: scheme, host, and port where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    /// Reads the word of a [`Region`]; or the URL of another host that serves the same API, such as one of Tencent's backup
    /// hosts, without path, query and fragment. `ascii_host` is that of [`crate::ports::Environment`].
    ///
    /// # Errors
    /// The rule that `text` breaks, as the rest of a sentence whose subject is the setting.
    pub fn read(text: &str, ascii_host: impl FnOnce(&str) -> Option<String>) -> Result<Self, String> {
        if let Ok(region) = text.parse::<Region>() {
            return Ok(Self(region.url().to_owned()));
        }
        if !text.contains("//") {
            let words = list_words(Region::VARIANTS, "or");
            return Err(format!("must be the region of your apps: {words}; or a URL of the REST API"));
        }
        let url = https_url(text, ascii_host)?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("must not have a path, query or fragment".to_owned());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
