package places_test

import (
	"encoding/binary"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// The readers of this file are deliberately lenient, and share nothing with the
// package: they say where a careless program would connect to.

// inetAton reads an IPv4 address as inet_aton(3) and browsers do: one to four parts,
// each decimal, octal or hexadecimal, the last filling what is left.
func inetAton(s string) (netip.Addr, bool) {
	parts := strings.Split(strings.TrimSuffix(s, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var sum uint64
	for i, p := range parts {
		base := 10
		switch low := strings.ToLower(p); {
		case low == "0x":
			p = "0"
		case strings.HasPrefix(low, "0x"):
			p, base = p[2:], 16
		case len(p) > 1 && p[0] == '0':
			base = 8
		}
		v, err := strconv.ParseUint(p, base, 64)
		room := uint64(1) << 8
		if i == len(parts)-1 {
			room = 1 << (8 * (5 - len(parts)))
		}
		if err != nil || v >= room {
			return netip.Addr{}, false
		}
		if i == len(parts)-1 {
			sum |= v
		} else {
			sum |= v << (8 * (3 - i))
		}
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(sum))
	return netip.AddrFrom4(b), true
}

// folded does to a host what browsers do before they look at it: percent-decoding,
// full width and circled characters to ASCII, other dots to dots, lower case.
func folded(host string) string {
	if d, err := url.PathUnescape(host); err == nil {
		host = d
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		switch {
		case r >= 0xff01 && r <= 0xff5e:
			return r - 0xff01 + '!'
		case r >= 0x2460 && r <= 0x2468:
			return r - 0x2460 + '1'
		case r == 0x24ea:
			return '0'
		case r == 0x3002 || r == 0xff61:
			return '.'
		case r == 0xad || r == 0x200b || r == 0x2060 || r == 0xfeff:
			return -1
		}
		return r
	}, host))
}

// browse reads a URL as a browser would: it forgives blanks, tabs, backslashes and
// missing slashes. The host is an address or a folded name; port is "" without one.
func browse(s string) (host, port string, ok bool) {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)
	_, rest, ok := strings.Cut(s, ":")
	if !ok {
		return "", "", false
	}
	rest = strings.TrimLeft(rest, `/\`)
	if i := strings.IndexAny(rest, `/\?#`); i >= 0 {
		rest = rest[:i]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	host = rest
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		host, port = rest[:i], rest[i+1:]
	}
	if strings.HasPrefix(host, "[") {
		in, _, _ := strings.Cut(strings.Trim(host, "[]"), "%")
		a, err := netip.ParseAddr(in)
		return a.String(), port, err == nil
	}
	host = folded(host)
	if a, isAddress := inetAton(host); isAddress {
		return a.String(), port, true
	}
	return strings.TrimSuffix(host, "."), port, host != ""
}

// inward tells whether an address is not one of the public Internet, the IPv4 address
// inside of it included. It is written from the registries with numbers alone.
func inward(a netip.Addr) bool {
	if a.Is4() {
		return inward4(binary.BigEndian.Uint32(a.AsSlice()))
	}
	b := a.As16()
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	switch {
	case high>>61 != 1: // not in 2000::/3
		return true
	case high>>48 == 0x2002, high>>32 == 0x20010db8, high>>41 == 0x20010000>>9, high>>44 == 0x3fff0:
		return true
	case low>>32&^0x02000000 == 0x5efe:
		return true
	}
	return false
}

func inward4(v uint32) bool {
	in := func(a, b, c, d uint32, bits int) bool { return (v^(a<<24|b<<16|c<<8|d))>>(32-bits) == 0 }
	return v>>24 == 0 || v>>24 == 10 || v>>24 == 127 || v>>28 >= 14 || in(100, 64, 0, 0, 10) || in(169, 254, 0, 0, 16) || in(172, 16, 0, 0, 12) ||
		in(192, 0, 0, 0, 24) || in(192, 0, 2, 0, 24) || in(192, 88, 99, 0, 24) || in(192, 168, 0, 0, 16) || in(198, 18, 0, 0, 15) ||
		in(198, 51, 100, 0, 24) || in(203, 0, 113, 0, 24) || in(168, 63, 129, 16, 32)
}
