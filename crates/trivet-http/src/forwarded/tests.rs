//! What is believed of forwarded fields: tables of heads behind known proxies.

use super::*;
use crate::head::{Head, Progress};
use crate::limits::Limits;

/// What was believed, as text: client, scheme, host, port, prefix; `-` where nothing was.
fn read(family: Family, fields: &str) -> (Head, Vec<u8>, Forwarding) {
    let text = format!("GET / HTTP/1.0\r\n{}\r\n\r\n", fields.replace('\n', "\r\n"));
    let buffer = text.into_bytes();
    let mut head = Head::default();
    assert_eq!(head.parse(&buffer, &Limits::default()), Ok(Progress::Complete), "{fields}");
    let trusted = Trusted::parse(["10.0.0.0/8", "2001:db8:f::/48"]).unwrap();
    let forwarding = Forwarding::read(family, &head.fields, &buffer, &trusted);
    (head, buffer, forwarding)
}

fn shown(family: Family, fields: &str) -> String {
    let (_, buffer, forwarding) = read(family, fields);
    let client = match forwarding.client {
        Client::Peer => "peer".to_owned(),
        Client::Hidden => "hidden".to_owned(),
        Client::Address(address, None) => address.to_string(),
        Client::Address(address, Some(port)) => format!("{address} {port}"),
    };
    let text = |span: Option<Span>| {
        span.map_or("-".into(), |span| String::from_utf8_lossy(span.of(&buffer)).into_owned())
    };
    let scheme = forwarding.scheme.map_or("-", Scheme::name);
    let port = forwarding.port.map_or("-".into(), |port| port.to_string());
    format!("{client} {scheme} {} {port} {}", text(forwarding.host), text(forwarding.prefix))
}

fn assert_all(family: Family, rows: &[(&str, &str)]) {
    for (fields, expected) in rows {
        assert_eq!(shown(family, fields), *expected, "{fields}");
    }
}

#[test]
fn the_first_address_from_the_right_that_is_no_proxy_is_the_client() {
    assert_all(
        Family::XForwarded,
        &[
            ("A: b", "peer - - - -"),
            ("X-Forwarded-For: 192.0.2.1", "192.0.2.1 - - - -"),
            ("X-Forwarded-For: 6.6.6.6, 192.0.2.1", "192.0.2.1 - - - -"),
            ("X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1 - - - -"),
            ("X-Forwarded-For: 192.0.2.1, 10.0.0.3,10.0.0.2", "192.0.2.1 - - - -"),
            ("X-Forwarded-For: 10.0.0.3, 10.0.0.2", "10.0.0.3 - - - -"),
            ("X-Forwarded-For: 192.0.2.1:4711, 10.0.0.2:80", "192.0.2.1 4711 - - - -"),
            ("X-Forwarded-For: 2001:db8::1", "2001:db8::1 - - - -"),
            ("X-Forwarded-For: \"[2001:db8::1]:443\"", "2001:db8::1 443 - - - -"),
            ("X-Forwarded-For: 192.0.2.1, 2001:db8:f::9", "192.0.2.1 - - - -"),
            ("X-Forwarded-For: 192.0.2.1, ::ffff:10.0.0.9", "192.0.2.1 - - - -"),
            ("X-Forwarded-For: ,, 192.0.2.1 ,,", "192.0.2.1 - - - -"),
            ("X-Forwarded-For: ", "peer - - - -"),
            ("X-Forwarded-For: ,", "peer - - - -"),
            ("X-Forwarded-For: unknown", "hidden - - - -"),
            ("X-Forwarded-For: 192.0.2.1, unknown", "hidden - - - -"),
            ("X-Forwarded-For: 192.0.2.1, _x, 10.0.0.2", "hidden - - - -"),
        ],
    );
}

#[test]
fn fields_of_one_name_are_one_list() {
    assert_all(
        Family::XForwarded,
        &[
            ("X-Forwarded-For: 6.6.6.6\nX-Forwarded-For: 192.0.2.1", "192.0.2.1 - - - -"),
            (
                "X-Forwarded-For: 6.6.6.6, 192.0.2.1\nA: b\nx-forwarded-for: 10.0.0.2",
                "192.0.2.1 - - - -",
            ),
            ("X-Forwarded-For: 192.0.2.1\nX-Forwarded-For:", "192.0.2.1 - - - -"),
            ("X-Forwarded-Proto: http\nX-Forwarded-Proto: https", "peer https - - -"),
        ],
    );
}

#[test]
fn what_a_proxy_has_added_and_cannot_be_read_makes_the_list_not_count() {
    assert_all(
        Family::XForwarded,
        &[
            ("X-Forwarded-For: 192.0.2.1, evil", "peer - - - -"),
            ("X-Forwarded-For: 192.0.2.1, evil, 10.0.0.2", "peer - - - -"),
            ("X-Forwarded-For: 192.0.2.256", "peer - - - -"),
            ("X-Forwarded-For: fe80::1%eth0", "peer - - - -"),
            // Further left it is the client's own doing.
            ("X-Forwarded-For: \"evil, 192.0.2.1", "192.0.2.1 - - - -"),
            ("X-Forwarded-For: ]][, 192.0.2.1, 10.0.0.2", "192.0.2.1 - - - -"),
        ],
    );
}

#[test]
fn other_lists_are_read_as_far_as_there_are_proxies() {
    assert_all(
        Family::XForwarded,
        &[
            ("X-Forwarded-Proto: https", "peer https - - -"),
            ("X-Forwarded-Proto: HTTPS", "peer https - - -"),
            ("X-Forwarded-Proto: wss", "peer https - - -"),
            ("X-Forwarded-Proto: ftp", "peer - - - -"),
            ("X-Forwarded-Proto: https://", "peer - - - -"),
            ("X-Forwarded-Proto: http, https", "peer https - - -"),
            (
                "X-Forwarded-For: 192.0.2.1, 10.0.0.2\nX-Forwarded-Proto: https, http",
                "192.0.2.1 https - - -",
            ),
            (
                "X-Forwarded-For: 192.0.2.1, 10.0.0.2\nX-Forwarded-Proto: evil, https, http",
                "192.0.2.1 https - - -",
            ),
            (
                "X-Forwarded-For: 192.0.2.1, 10.0.0.2\nX-Forwarded-Proto: https",
                "192.0.2.1 https - - -",
            ),
            ("X-Forwarded-Host: evil.example, shop.example", "peer - shop.example - -"),
            ("X-Forwarded-Host: shop.example:8443", "peer - shop.example 8443 -"),
            ("X-Forwarded-Host: shop.example:", "peer - shop.example - -"),
            ("X-Forwarded-Host: [2001:db8::1]:8443", "peer - [2001:db8::1] 8443 -"),
            ("X-Forwarded-Host: :80", "peer - - - -"),
            ("X-Forwarded-Host: a/b", "peer - - - -"),
            ("X-Forwarded-Host: user@shop.example", "peer - - - -"),
            ("X-Forwarded-Host: shop.example:99999", "peer - - - -"),
            (
                "X-Forwarded-Host: shop.example:80\nX-Forwarded-Port: 8443",
                "peer - shop.example 8443 -",
            ),
            ("X-Forwarded-Port: 443", "peer - - 443 -"),
            ("X-Forwarded-Port: 0", "peer - - - -"),
            ("X-Forwarded-Port: 65536", "peer - - - -"),
            ("X-Forwarded-Port: +80", "peer - - - -"),
        ],
    );
}

#[test]
fn a_prefix_is_a_clean_path() {
    for (given, expected) in [
        ("/shop", "/shop"),
        ("/shop/", "/shop"),
        ("/a/b-c_d~e.f", "/a/b-c_d~e.f"),
        ("/", ""),
        ("//", ""),
        ("/evil, /shop", "/shop"),
    ] {
        let fields = format!("X-Forwarded-Prefix: {given}");
        assert_eq!(shown(Family::XForwarded, &fields), format!("peer - - - {expected}"), "{given}");
    }
    for given in [
        "shop",
        "//evil.example",
        "/a//b",
        "/a/../b",
        "/..",
        "/.",
        "/a/.",
        "/a b",
        "/a%2fb",
        "/a?b",
        "/a#b",
        "/a\\b",
        "http://a/b",
        "/\u{e9}",
        "/a;b\"",
    ] {
        let fields = format!("X-Forwarded-Prefix: {given}");
        assert_eq!(shown(Family::XForwarded, &fields), "peer - - - -", "{given}");
    }
}

#[test]
fn forwarded_elements_are_walked_from_the_right() {
    assert_all(
        Family::Forwarded,
        &[
            ("Forwarded: for=192.0.2.43", "192.0.2.43 - - - -"),
            ("Forwarded: For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17 4711 - - - -"),
            (
                "Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43;host=a.example",
                "192.0.2.60 http a.example - -",
            ),
            ("Forwarded: for=192.0.2.43, for=198.51.100.17", "198.51.100.17 - - - -"),
            ("Forwarded: for=192.0.2.43, for=10.0.0.2", "192.0.2.43 - - - -"),
            ("Forwarded: for=6.6.6.6\nForwarded: for=192.0.2.1, for=10.0.0.2", "192.0.2.1 - - - -"),
            (
                "Forwarded: for=192.0.2.43;proto=https, for=10.0.0.2;proto=http",
                "192.0.2.43 https - - -",
            ),
            ("Forwarded: for=192.0.2.43, for=10.0.0.2;proto=https", "192.0.2.43 https - - -"),
            ("Forwarded: for=6.6.6.6;proto=http;host=evil, for=192.0.2.1", "192.0.2.1 - - - -"),
            ("Forwarded: for=192.0.2.1; proto=https ; host=\"a:8443\"", "192.0.2.1 https a 8443 -"),
            ("Forwarded: for=192.0.2.1;", "192.0.2.1 - - - -"),
            ("Forwarded: proto=https", "peer https - - -"),
            ("Forwarded: for=6.6.6.6, proto=https", "peer https - - -"),
            ("Forwarded: for=unknown;proto=https", "hidden https - - -"),
            ("Forwarded: for=6.6.6.6, for=_hidden, for=10.0.0.2", "hidden - - - -"),
            ("Forwarded: for=\"_gazonk:_p\"", "hidden - - - -"),
            ("Forwarded: for=192.0.2.1;x=\"a,b;c=d\"", "192.0.2.1 - - - -"),
            ("Forwarded: for=6.6.6.6, for=192.0.2.1;x=\"a\\\",b\"", "192.0.2.1 - - - -"),
            ("Forwarded: for=192.0.2.1;proto=gopher;host=\"a/b\"", "192.0.2.1 - - - -"),
        ],
    );
}

#[test]
fn an_element_against_the_grammar_makes_the_field_not_count() {
    for value in [
        "for",
        "for=",
        "for=evil",
        "=a",
        "for=192.0.2.1:80",
        "for=[2001:db8::1]",
        "for=\"192.0.2.1",
        "for=192.0.2.1\"",
        "for=192.0.2.1;for=192.0.2.2",
        "for=192.0.2.1;proto=https;proto=http",
        "for=192.0.2.1 proto=https",
        "for = 192.0.2.1",
        "for=\"192.0.2.1\\",
        "for=\"192.0.2.\\1\"",
        "host=a/b",
    ] {
        for value in [value.to_owned(), format!("for=192.0.2.9, {value}")] {
            assert_eq!(shown(Family::Forwarded, &format!("Forwarded: {value}")), "peer - - - -");
        }
    }
}

#[test]
fn a_quote_that_the_client_left_open_swallows_nothing() {
    for evil in ["\"", "for=\"evil", "for=\"evil\\", "for=6.6.6.6;x=\"\\\"", ";;\"\"\""] {
        for honest in ["for=192.0.2.1", "for=\"192.0.2.1\"", "for=192.0.2.1;x=\"a,\\\",b\""] {
            let fields = format!("Forwarded: {evil}, {honest}");
            assert_eq!(shown(Family::Forwarded, &fields), "192.0.2.1 - - - -", "{fields}");
        }
    }
}

#[test]
fn only_the_family_that_was_chosen_counts() {
    let both = "Forwarded: for=192.0.2.1;proto=http\nX-Forwarded-For: 192.0.2.2\n\
                X-Forwarded-Proto: https\nX-Forwarded-Prefix: /shop";
    assert_eq!(shown(Family::Forwarded, both), "192.0.2.1 http - - -");
    assert_eq!(shown(Family::XForwarded, both), "192.0.2.2 https - - /shop");
}

#[test]
fn the_application_sees_what_is_believed_and_no_more() {
    for (family, fields, visible) in [
        (
            Family::XForwarded,
            "X-Forwarded-For: 6.6.6.6, 192.0.2.1 , 10.0.0.2\nX-Forwarded-Proto: ftp\n\
             Forwarded: for=6.6.6.6\nX-Forwarded-Host: evil, shop, inner\nX-Real-IP: 192.0.2.1",
            "192.0.2.1 , 10.0.0.2|shop, inner|192.0.2.1",
        ),
        (
            Family::XForwarded,
            "X-Forwarded-For: 6.6.6.6\nX-Forwarded-For: 7.7.7.7,192.0.2.1\nX-Forwarded-For: 10.0.0.2",
            "192.0.2.1|10.0.0.2",
        ),
        (Family::XForwarded, "X-Forwarded-For: 6.6.6.6, evil", ""),
        (
            Family::Forwarded,
            "Forwarded: for=6.6.6.6, for=192.0.2.1\nX-Forwarded-For: 6.6.6.6",
            "for=192.0.2.1",
        ),
    ] {
        let (head, buffer, forwarding) = read(family, fields);
        let believed = head
            .fields
            .iter()
            .filter_map(|field| forwarding.believed(field.known?, field.value))
            .map(|span| String::from_utf8_lossy(span.of(&buffer)).into_owned());
        assert_eq!(believed.collect::<Vec<_>>().join("|"), visible, "{fields}");
    }
}

#[test]
fn names_that_tell_of_the_client_are_known() {
    for (name, teller) in [
        ("forwarded", Some(Teller::Forwarded)),
        ("x-forwarded-for", Some(Teller::XForwarded)),
        ("x-forwarded-anything", Some(Teller::XForwarded)),
        ("x-forwarded", Some(Teller::XForwarded)),
        ("x-real-ip", Some(Teller::Other)),
        ("true-client-ip", Some(Teller::Other)),
        ("x-request-id", None),
        ("host", None),
        ("via", None),
    ] {
        assert_eq!(Teller::of(name), teller, "{name}");
    }
    for (known, name) in Known::ALL {
        assert!(row(*known).is_none() || Teller::of(name).is_some(), "{name}");
    }
}
