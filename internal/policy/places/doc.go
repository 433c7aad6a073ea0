// Package places judges a string argument of a call that says where to connect: a
// URL or a host. Authorize asks a Judge once for every such argument; the dialling
// side asks Public about the address that it is about to connect to.
//
// The judged bytes go to the upstream unchanged, and another parser reads them
// there. So a Judge accepts only what RFC 3986, the URL standard of browsers, curl,
// Python, Java and Go read alike, and refuses every spelling that two of them could
// take for different places, even where Go alone would be sure. See "SSRF and
// differences between URL parsers" in the threat literature: CVE-2016-8624 ('#' in
// the authority), CVE-2019-9636 (Unicode in the host), CVE-2021-29922 and
// CVE-2021-29923 (octal parts in IPv4 addresses).
//
// The package opens nothing and asks no resolver. What a name leads to can only be
// seen where it is dialled: a name may resolve to a private address, to another one
// at the second look (DNS rebinding), or through the search list of a cluster
// ("redis.prod"). A name that passes here is a name that may be looked up, no more.
// Nor does the package see a NAT64 prefix of the network's own (RFC 6052 §2.2).
package places
