package places_test

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"doorward/internal/policy/places"
)

// What passes is read alike by net/url and by a lenient browser, and leads to a public
// place as far as its text tells.
func FuzzURL(f *testing.F) {
	for i, u := range slices.Sorted(maps.Keys(hostile())) {
		if i%20 == 0 {
			f.Add(u)
		}
	}
	for i, u := range legitimate() {
		if i%20 == 0 {
			f.Add(u)
		}
	}
	j, faults := places.New(places.Rule{})
	if len(faults) > 0 {
		f.Fatal(faults)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if j.URL(s) != "" {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Opaque != "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("%q passes; net/url reads %+v, %v", s, u, err)
		}
		host, port, ok := browse(s)
		if !ok || port != u.Port() || port != "" && port != "80" && port != "443" {
			t.Fatalf("%q passes; a browser reads %q %q, net/url %q", s, host, port, u.Host)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil {
			if host != a.String() || inward(a) || !places.Public(a) {
				t.Fatalf("%q passes and leads to %s; a browser reads %q", s, a, host)
			}
			return
		}
		if _, number := inetAton(host); number || host != strings.ToLower(u.Hostname()) || !strings.Contains(host, ".") {
			t.Fatalf("%q passes; a browser reads %q, net/url %q", s, host, u.Hostname())
		}
		for _, end := range []string{"localhost", ".local", ".internal", ".home.arpa", ".lan"} {
			if strings.HasSuffix("."+host, end) && (end[0] == '.' || strings.HasSuffix("."+host, "."+end)) {
				t.Fatalf("%q passes and names a local host", s)
			}
		}
	})
}
