package places

import "net/netip"

// grade is what stands between a rule and an address. The zero value never passes.
type grade uint8

const (
	never  grade = iota // no place, or one written as if it were another
	listed              // passes only if the rule opens private places and its hosts name it
	local               // passes if the rule opens private places
	public              // passes unless the rule's hosts leave it out
)

type block struct {
	prefix netip.Prefix
	grade  grade
}

// special4 are the blocks of IPv4 that are no public unicast addresses: the IANA
// IPv4 Special-Purpose Address Registry (RFC 6890, as updated), multicast, and the
// addresses at which clouds serve metadata. The first that matches counts.
//
//nolint:gochecknoglobals // a table; read-only
var special4 = []block{
	{netip.MustParsePrefix("169.254.169.254/32"), listed}, // metadata: AWS, Google, Azure, and most others
	{netip.MustParsePrefix("169.254.170.0/24"), listed},   // credentials of AWS containers
	{netip.MustParsePrefix("100.100.100.200/32"), listed}, // metadata: Alibaba
	{netip.MustParsePrefix("168.63.129.16/32"), listed},   // Azure's host; in a public block
	{netip.MustParsePrefix("0.0.0.0/8"), never},           // "this network", RFC 791 §3.2; Linux takes 0.0.0.0 for loopback
	{netip.MustParsePrefix("10.0.0.0/8"), local},          // private use, RFC 1918
	{netip.MustParsePrefix("100.64.0.0/10"), local},       // shared, RFC 6598
	{netip.MustParsePrefix("127.0.0.0/8"), local},         // loopback, RFC 1122 §3.2.1.3
	{netip.MustParsePrefix("169.254.0.0/16"), local},      // link-local, RFC 3927
	{netip.MustParsePrefix("172.16.0.0/12"), local},       // private use, RFC 1918
	{netip.MustParsePrefix("192.0.0.0/24"), listed},       // protocol assignments, RFC 6890 §2.1; Oracle's metadata
	{netip.MustParsePrefix("192.0.2.0/24"), listed},       // documentation, RFC 5737
	{netip.MustParsePrefix("192.88.99.0/24"), never},      // 6to4 relays, RFC 7526
	{netip.MustParsePrefix("192.168.0.0/16"), local},      // private use, RFC 1918
	{netip.MustParsePrefix("198.18.0.0/15"), listed},      // benchmarks, RFC 2544
	{netip.MustParsePrefix("198.51.100.0/24"), listed},    // documentation, RFC 5737
	{netip.MustParsePrefix("203.0.113.0/24"), listed},     // documentation, RFC 5737
	{netip.MustParsePrefix("224.0.0.0/4"), never},         // multicast, RFC 5771
	{netip.MustParsePrefix("255.255.255.255/32"), never},  // broadcast, RFC 8190
	{netip.MustParsePrefix("240.0.0.0/4"), listed},        // reserved, RFC 1112 §4
}

// special6 is the same for IPv6: the IANA IPv6 Special-Purpose Address Registry.
// What is neither here nor in global6 is not allocated, and never passes.
//
//nolint:gochecknoglobals // a table; read-only
var special6 = []block{
	{netip.MustParsePrefix("fd00:ec2::/32"), listed},          // metadata: AWS
	{netip.MustParsePrefix("fd20:ce::254/128"), listed},       // metadata: Google
	{netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), listed}, // metadata: Oracle
	{netip.MustParsePrefix("::1/128"), local},                 // loopback, RFC 4291
	{netip.MustParsePrefix("fc00::/7"), local},                // unique local, RFC 4193
	{netip.MustParsePrefix("fe80::/10"), local},               // link-local, RFC 4291
	{netip.MustParsePrefix("fec0::/10"), listed},              // site-local, given up by RFC 3879
	{netip.MustParsePrefix("100::/64"), listed},               // discard only, RFC 6666
	{netip.MustParsePrefix("5f00::/16"), listed},              // segment routing, RFC 9602
	{netip.MustParsePrefix("2001:db8::/32"), listed},          // documentation, RFC 3849
	{netip.MustParsePrefix("3fff::/20"), listed},              // documentation, RFC 9637
	{netip.MustParsePrefix("2001::/23"), never},               // protocol assignments, RFC 2928; Teredo, RFC 4380, is 2001::/32
	{netip.MustParsePrefix("2002::/16"), never},               // 6to4, RFC 3056: leads to the IPv4 address inside it
}

// global6 are the global unicast addresses of IPv6: all that IANA has allocated.
//
//nolint:gochecknoglobals // a table; read-only
var global6 = netip.MustParsePrefix("2000::/3")

// Public tells whether an address is a public unicast one, which anybody on the
// Internet may be sent to. It is the last word at dial time, asked about the
// address of the connection. An IPv4 address mapped into IPv6 is judged as what it
// is, for the kernel connects to that. NAT64 (64:ff9b::/96, RFC 6052, and
// 64:ff9b:1::/48, RFC 8215), 6to4 and Teredo, which hide another address, are not
// public, nor is an address with a zone, nor the zero Addr.
func Public(a netip.Addr) bool {
	return a.Zone() == "" && gradeOf(a.Unmap()) == public
}

// Named tells whether an operator may send somebody to an address by naming it: a
// public one, a private one, one that serves metadata. Never may be one that hides
// another (NAT64, 6to4, Teredo, an IPv4 address in IPv6), multicast, or none at all.
func Named(a netip.Addr) bool {
	return a.IsValid() && a.Zone() == "" && !a.Is4In6() && gradeOf(a) != never
}

func gradeOf(a netip.Addr) grade {
	blocks := special6
	if a.Is4() {
		blocks = special4
	}
	for i := range blocks {
		if blocks[i].prefix.Contains(a) {
			return blocks[i].grade
		}
	}
	if a.Is4() || global6.Contains(a) && !isatap(a) {
		return public
	}
	return never
}

// gradeWithin is the grade of a network that lies in one block, and public for one
// that reaches beyond: its addresses are graded one by one.
func gradeWithin(p netip.Prefix) grade {
	blocks := special6
	if p.Addr().Is4() {
		blocks = special4
	}
	for i := range blocks {
		if b := blocks[i].prefix; b.Bits() <= p.Bits() && b.Contains(p.Addr()) {
			return blocks[i].grade
		}
	}
	if p.Addr().Is4() || p.Overlaps(global6) || p.Bits() < 8 {
		return public
	}
	return never
}

// isatap tells whether an address hides an IPv4 one in its interface identifier
// (RFC 5214 §6.1).
func isatap(a netip.Addr) bool {
	b := a.As16()
	return b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}
