//! `grpc[+tls]://[user@]host:port`.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use crate::error::{Code, Error, Result};

/// Where a server is, and as whom it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// The user, if one is named.
    pub user: Option<String>,
    /// The host's name or address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
    is_local: bool,
}

impl ServerUrl {
    /// Whether a password may be sent: encrypted, or to this machine.
    pub fn may_carry_passwords(&self) -> bool {
        self.is_tls || self.is_local
    }

    /// As the transport wants it.
    pub(super) fn endpoint(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }
}

impl FromStr for ServerUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(Code::InvalidValue, format!("'{text}' is no server's address"))
                .with_hint("write grpc://[user@]host:port, or grpc+tls:// for TLS")
        };
        let url = Url::parse(text).map_err(|_| wrong())?;
        let is_tls = match url.scheme() {
            "grpc" | "grpc+tcp" => false,
            "grpc+tls" => true,
            _ => return Err(wrong()),
        };
        if url.password().is_some() {
            return Err(
                Error::new(Code::InvalidValue, "a password does not belong into an address")
                    .with_hint("it is asked for, or read from the variable WEIR_PASSWORD"),
            );
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let is_local = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            // To a scheme that it does not know, the parser gives no addresses.
            _ => {
                host == "localhost"
                    || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
                    || host == "[::1]"
            }
        };
        let user = percent_encoding::percent_decode_str(url.username()).decode_utf8_lossy();
        Ok(Self {
            user: (!user.is_empty()).then(|| user.into_owned()),
            host: host.to_owned(),
            port: url.port().ok_or_else(wrong)?,
            is_tls,
            is_local,
        })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_whole_or_refused() {
        let url: ServerUrl = "grpc+tls://ann@lake.example:50051".parse().unwrap();
        assert_eq!(
            (url.user.as_deref(), url.port, url.is_tls),
            (Some("ann"), 50051, true)
        );
        let url: ServerUrl = "grpc://127.0.0.1:1".parse().unwrap();
        assert!(url.may_carry_passwords() && !url.is_tls && url.user.is_none());
        let url: ServerUrl = "grpc://ann@lake.example:1".parse().unwrap();
        assert!(!url.may_carry_passwords());
        for wrong in [
            "lake:1",
            "http://a:1",
            "grpc://host",
            "grpc://a:b@c:1",
            "grpc://:1",
            "",
        ] {
            assert!(wrong.parse::<ServerUrl>().is_err(), "{wrong}");
        }
    }
}
