//! What a request's headers say of who sends it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tonic::Status;
use tonic::metadata::MetadataMap;

/// Some clients pad base64, others do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Credentials of a call.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    Basic { user: String, password: String },
    Bearer(String),
}

impl Credentials {
    /// Those of the header `authorization`, if there are any.
    ///
    /// # Errors
    /// Unauthenticated for a header that is neither basic nor bearer.
    pub(super) fn of(headers: &MetadataMap) -> Result<Option<Self>, Status> {
        let Some(header) = headers.get("authorization") else {
            return Ok(older(headers));
        };
        let wrong = || Status::unauthenticated("the authorization header is neither Basic nor Bearer");
        let header = header.to_str().map_err(|_| wrong())?;
        let (scheme, rest) = header.trim().split_once(' ').ok_or_else(wrong)?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Some(Self::Bearer(rest.to_owned())));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(wrong());
        }
        let decoded = BASE64.decode(rest).map_err(|_| wrong())?;
        let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
        let (user, password) = decoded.split_once(':').ok_or_else(wrong)?;
        Ok(Some(Self::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        }))
    }
}

/// The token of clients whose handshake is older than the header: what the server gave them, as it is.
fn older(headers: &MetadataMap) -> Option<Credentials> {
    let token = headers.get_bin("auth-token-bin")?.to_bytes().ok()?;
    String::from_utf8(token.into()).ok().map(Credentials::Bearer)
}

/// The value of a cookie.
pub(super) fn cookie(headers: &MetadataMap, name: &str) -> Option<String> {
    let all = headers
        .get_all("cookie")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = all
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| known.trim() == name)?;
    Some(value.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataValue;

    use super::*;

    fn headers(name: &'static str, value: &str) -> MetadataMap {
        let mut headers = MetadataMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn basic_is_read_with_and_without_padding() {
        let ann = Credentials::Basic {
            user: "ann".to_owned(),
            password: "p:w".to_owned(),
        };
        for header in ["Basic YW5uOnA6dw==", "Basic YW5uOnA6dw", "basic  YW5uOnA6dw=="] {
            let found = Credentials::of(&headers("authorization", header)).unwrap();
            assert!(found == Some(ann.clone()), "{header}");
        }
        for header in ["Basic", "Basic !!!", "Digest x", "Basic YW5u"] {
            assert!(
                Credentials::of(&headers("authorization", header)).is_err(),
                "{header}"
            );
        }
        assert!(Credentials::of(&MetadataMap::new()).unwrap().is_none());
        let mut older = MetadataMap::new();
        older.insert_bin("auth-token-bin", MetadataValue::from_bytes(b"token"));
        assert!(Credentials::of(&older).unwrap() == Some(Credentials::Bearer("token".to_owned())));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = headers("cookie", "a=1; weir_session=xyz; b=2");
        assert_eq!(cookie(&headers, "weir_session").as_deref(), Some("xyz"));
        assert_eq!(cookie(&headers, "c"), None);
    }
}
