package listen

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

// TestClientBehindProxies: what trusted proxies wrote is believed from right to
// left, up to the first address that is none of theirs, and what is no list of
// addresses refuses.
func TestClientBehindProxies(t *testing.T) {
	s := &Settings{TrustedProxies: prefixes("10.0.0.0/8", "fd00::/8")}
	long := strings.Repeat("10.1.1.1, ", maxHops)
	for _, tc := range []struct {
		peer         string
		forwardedFor []string
		forwarded    []string
		want         string // empty: refused
	}{
		{"10.0.0.1", nil, nil, "10.0.0.1"},
		{"10.0.0.1", []string{"203.0.113.7"}, nil, "203.0.113.7"},
		{"10.0.0.1", []string{"1.1.1.1, 203.0.113.7"}, nil, "203.0.113.7"},
		{"10.0.0.1", []string{"1.1.1.1, 203.0.113.7,10.0.0.2 ,\t10.0.0.3"}, nil, "203.0.113.7"},
		{"10.0.0.1", []string{"1.1.1.1", "203.0.113.7", "10.0.0.2"}, nil, "203.0.113.7"},
		{"10.0.0.1", []string{"10.0.0.9, 10.0.0.2"}, nil, "10.0.0.9"},
		{"10.0.0.1", []string{"203.0.113.7:4711"}, nil, "203.0.113.7"},
		{"10.0.0.1", []string{"2001:db8::7"}, nil, "2001:db8::7"},
		{"10.0.0.1", []string{"[2001:db8::7]"}, nil, "2001:db8::7"},
		{"10.0.0.1", []string{"[2001:db8::7]:443"}, nil, "2001:db8::7"},
		{"10.0.0.1", []string{"::ffff:203.0.113.7"}, nil, "203.0.113.7"},
		{"10.0.0.1", []string{"203.0.113.7, ::ffff:10.0.0.2"}, nil, "203.0.113.7"},
		{"fd00::1", []string{"203.0.113.7"}, nil, "203.0.113.7"},
		{"10.0.0.1", nil, []string{"for=203.0.113.7"}, "203.0.113.7"},
		{"10.0.0.1", nil, []string{`For="[2001:db8::7]:4711"`}, "2001:db8::7"},
		{"10.0.0.1", nil, []string{`by=_gw;for="203.0.113.7:80" ;proto=https;host="a,b;c\"d", for=10.0.0.2`}, "203.0.113.7"},
		{"10.0.0.1", []string{"203.0.113.7, 10.0.0.2"}, []string{"for=203.0.113.7", "for=10.0.0.2"}, "203.0.113.7"},
		{"10.0.0.1", []string{strings.TrimSuffix(long, ", ")}, nil, "10.1.1.1"},

		// Anybody else's headers are not even looked at.
		{"203.0.113.9", []string{"10.0.0.1"}, []string{"for=unknown"}, "203.0.113.9"},
		{"203.0.113.9", []string{"nonsense"}, nil, "203.0.113.9"},
		{"::1", []string{"203.0.113.7"}, nil, "::1"},

		{"10.0.0.1", []string{""}, nil, ""},
		{"10.0.0.1", []string{"203.0.113.7,"}, nil, ""},
		{"10.0.0.1", []string{",203.0.113.7"}, nil, ""},
		{"10.0.0.1", []string{"203.0.113.7", ""}, nil, ""},
		{"10.0.0.1", []string{"unknown, 203.0.113.7"}, nil, ""},
		{"10.0.0.1", []string{"_hidden"}, nil, ""},
		{"10.0.0.1", []string{"203.0.113.7 10.0.0.2"}, nil, ""},
		{"10.0.0.1", []string{"203.0.113.07"}, nil, ""},
		{"10.0.0.1", []string{"0xcb.0.113.7"}, nil, ""},
		{"10.0.0.1", []string{"203.0.113.7:"}, nil, ""},
		{"10.0.0.1", []string{"203.0.113.7:99999"}, nil, ""},
		{"10.0.0.1", []string{"203.0.113.7:+80"}, nil, ""},
		{"10.0.0.1", []string{"[203.0.113.7]"}, nil, ""},
		{"10.0.0.1", []string{"[2001:db8::7"}, nil, ""},
		{"10.0.0.1", []string{"[2001:db8::7]443"}, nil, ""},
		{"10.0.0.1", []string{"fe80::1%eth0"}, nil, ""},
		{"10.0.0.1", []string{"0.0.0.0"}, nil, ""},
		{"10.0.0.1", []string{"ff02::1"}, nil, ""},
		{"10.0.0.1", []string{"client.example.com"}, nil, ""},
		{"10.0.0.1", []string{long + "203.0.113.7"}, nil, ""},
		{"10.0.0.1", nil, []string{""}, ""},
		{"10.0.0.1", nil, []string{"for=unknown"}, ""},
		{"10.0.0.1", nil, []string{"for=_gazonk"}, ""},
		{"10.0.0.1", nil, []string{"proto=https"}, ""},
		{"10.0.0.1", nil, []string{"for=203.0.113.7;for=203.0.113.8"}, ""},
		{"10.0.0.1", nil, []string{"for=203.0.113.7,"}, ""},
		{"10.0.0.1", nil, []string{"for=2001:db8::7"}, ""},
		{"10.0.0.1", nil, []string{`for="2001:db8::7"`}, ""},
		{"10.0.0.1", nil, []string{`for="203.0.113.7`}, ""},
		{"10.0.0.1", nil, []string{`for="203.0.113.7\`}, ""},
		{"10.0.0.1", nil, []string{`for= 203.0.113.7`}, ""},
		{"10.0.0.1", nil, []string{`for="203.0.113.7"x`}, ""},
		{"10.0.0.1", nil, []string{`203.0.113.7`}, ""},
		{"10.0.0.1", []string{"203.0.113.7"}, []string{"for=203.0.113.8"}, ""},
		{"10.0.0.1", []string{"1.1.1.1, 203.0.113.7"}, []string{"for=203.0.113.7"}, ""},
		{"10.0.0.1", []string{"203.0.113.7"}, []string{"for=unknown"}, ""},
	} {
		t.Run(fmt.Sprint(tc.peer, tc.forwardedFor, tc.forwarded), func(t *testing.T) {
			got, ok := s.client(netip.MustParseAddr(tc.peer), claims{forwardedFor: tc.forwardedFor, forwarded: tc.forwarded})
			if ok != (tc.want != "") || ok && got.String() != tc.want {
				t.Errorf("client %v, %v; want %q", got, ok, tc.want)
			}
		})
	}
}

// FuzzHops: whatever a header holds, there are at most maxHops addresses in it,
// each in the one form in which it is compared, and what was read is read the
// same way when it is written plainly.
func FuzzHops(f *testing.F) {
	for _, seed := range []string{
		"203.0.113.7", "1.1.1.1, [2001:db8::7]:443", "unknown", "", ",", "for=1.1.1.1", `for="[::1]:80";by=_x, for=2.2.2.2`,
		`for="\"`, "for=1.1.1.1;;", "FOR=1.1.1.1;for=2.2.2.2", "::ffff:1.2.3.4", "fe80::1%lo",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, list := range []bool{true, false} {
			read := forwardedFor
			if list {
				read = listed
			}
			hops, ok := hopsOf([]string{line}, read)
			if !ok {
				continue
			}
			if len(hops) == 0 || len(hops) > maxHops {
				t.Fatalf("%q: %d addresses", line, len(hops))
			}
			var plainly []string
			for _, hop := range hops {
				if !hop.IsValid() || hop.Is4In6() || hop.Zone() != "" || hop.IsUnspecified() {
					t.Fatalf("%q: %v", line, hop)
				}
				plainly = append(plainly, hop.String())
			}
			if again, ok := hopsOf([]string{strings.Join(plainly, ", ")}, listed); !ok || !slices.Equal(again, hops) {
				t.Fatalf("%q: %v, and written plainly %v", line, hops, again)
			}
		}
	})
}
