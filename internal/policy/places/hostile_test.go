package places_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"doorward/internal/policy/places"
)

// privates4 are the networks that hostile values lead to, first and last address apart.
var privates4 = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
}

var privates6 = []string{
	"::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2001:10::/28", "2002::/16",
	"3fff::/20", "5f00::/16", "fc00::/7", "fd00:ec2::254/128", "fe80::/10", "fec0::/10", "ff00::/8", "::/96", "4000::/3", "8000::/3",
}

// inside is a random address of a network.
func inside(r *rand.Rand, network string) netip.Addr {
	p := netip.MustParsePrefix(network)
	b := p.Addr().AsSlice()
	for i := range b {
		for bit := range 8 {
			if i*8+bit >= p.Bits() && r.IntN(2) == 1 {
				b[i] |= 0x80 >> bit
			}
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// spellings are ways to write an IPv4 address that lead there in one program or another.
// Those that inet_aton reads once they are folded come first; the rest hide it.
func spellings(a netip.Addr) (numeric, hidden []string) {
	b := a.As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	dotted := a.String()
	wide := strings.Map(func(r rune) rune { return r - '!' + 0xff01 }, dotted)
	circled := strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return r
		case '0':
			return 0x24ea
		}
		return r - '1' + 0x2460
	}, dotted)
	encoded := ""
	for i := range len(dotted) {
		encoded += fmt.Sprintf("%%%02x", dotted[i])
	}
	numeric = []string{
		dotted, dotted + ".", fmt.Sprint(v), fmt.Sprintf("0x%x", v), fmt.Sprintf("0X%08X", v), fmt.Sprintf("0%o", v), fmt.Sprintf("00000%o", v),
		fmt.Sprintf("%d.%d", b[0], v&0xffffff), fmt.Sprintf("%d.%d.%d", b[0], b[1], v&0xffff),
		fmt.Sprintf("0x%x.%d.0%o.%d", b[0], b[1], b[2], b[3]), fmt.Sprintf("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]),
		fmt.Sprintf("%d.%d.%d.0x%x", b[0], b[1], b[2], b[3]), fmt.Sprintf("0x%02x%02x.%d.%d", 0, b[0], b[1], v&0xffff),
		wide, circled, encoded, strings.ReplaceAll(dotted, ".", "。"), strings.ReplaceAll(dotted, ".", "%2e"), dotted[:1] + "\u00ad" + dotted[1:],
	}
	x := fmt.Sprintf("%x:%x", v>>16, v&0xffff)
	hidden = []string{
		"[::ffff:" + dotted + "]", "[::ffff:" + x + "]", "[0:0:0:0:0:FFFF:" + x + "]", "[64:ff9b::" + x + "]", "[64:ff9b::" + dotted + "]", "[64:ff9b:1::" + x + "]",
		"[2002:" + x + "::1]", "[::" + dotted + "]", fmt.Sprintf("[2001:0:4136:e378:8000:63bf:%x:%x]", ^v>>16, ^v&0xffff), "[2a00:1450::5efe:" + x + "]",
		dotted + ".nip.io", strings.ReplaceAll(dotted, ".", "-") + ".sslip.io", fmt.Sprintf("%03d.%03d.%03d.%03d", b[0], b[1], b[2], b[3]), dotted + "%00.example.com", dotted + "%25lo",
	}
	return numeric, hidden
}

// around puts a host into URLs, and into those in which it hides behind another.
func around(host string) []string {
	return []string{
		"http://" + host + "/", "https://" + host, "http://" + host + ":80/latest/meta-data/", "https://" + host + ":443/?a=b#c",
		"http://ok.example.com@" + host + "/", "http://ok.example.com:80@" + host + ":80/", "http://ok.example.com#@" + host + "/", "http://ok.example.com?@" + host + "/",
		"http:\\\\" + host + "\\", "http:/" + host + "/", "http:" + host, "http:///" + host + "/", "//" + host + "/", "http://" + host + "\t/", " http://" + host + "/",
		"http://ok.example.com\\@" + host + "/", "http://ok.example.com://" + host + "/", "http://" + host + " .example.com/", "jar:http://" + host + "!/x",
		"gopher://" + host + ":80/_x", "ht\ntp://" + host + "/", "http://ok.example.com:80:" + host + "/", "http://" + host + "\\.example.com/", "http://" + host + "#.example.com/",
	}
}

func hostile() map[string]string {
	r := rand.New(rand.NewPCG(1, 36))
	all := map[string]string{} // URL → what makes it hostile
	put := func(why string, urls ...string) {
		for _, u := range urls {
			all[u] = why
		}
	}
	for _, network := range privates4 {
		for range 3 {
			a := inside(r, network)
			numeric, hidden := spellings(a)
			for _, host := range append(numeric, hidden...) {
				list := around(host)
				put(network, list[0], list[2+r.IntN(2)], list[4+r.IntN(len(list)-4)])
			}
		}
	}
	for _, network := range privates6 {
		for range 3 {
			a := inside(r, network)
			for _, host := range []string{a.String(), strings.ToUpper(a.String()), a.StringExpanded(), a.WithZone("1").String(), a.String() + "%25lo"} {
				list := around("[" + host + "]")
				put(network, list[0], list[1+r.IntN(3)], list[4+r.IntN(len(list)-4)])
			}
		}
	}
	for _, name := range []string{
		"localhost", "LocalHost", "localhost.", "a.localhost", "localhost.localdomain", "printer.local", "metadata.google.internal", "metadata.goog", "metadata", "db",
		"instance-data.ec2.internal", "router.lan", "nas.home.arpa", "x.intranet", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "redis.corp",
		"loc%61lhost", "ｌocalhost", "localhost%2e", "xn--localhost-", "1.0.0.127.in-addr.arpa", "ipv4only.arpa", "localtest.me", "a.lvh.me", "host.docker.internal", "abc.onion",
	} {
		put("a local name", around(name)...)
	}
	for _, host := range []string{"example.com", "9.9.9.9", "[2620:fe::fe]"} {
		for _, port := range []string{"21", "22", "23", "25", "53", "110", "143", "389", "445", "2375", "3306", "5432", "6379", "8080", "9200", "11211", "27017", "0", "00443", "0443", "+443", "-1", "65536", "99999", "4294967739", "", "443x", "٤٤٣"} {
			put("a port", "https://"+host+":"+port+"/", "http://"+host+":"+port)
		}
		for _, scheme := range []string{"file", "gopher", "dict", "ftp", "ldap", "tftp", "jar:http", "javascript", "data", "view-source:http", "php", "ssh", "git", "ws", "hTTP", "http ", "url:http", "feed:https", "blob:https", "http%3a", "ｈttp"} {
			put("a scheme", scheme+"://"+host+"/", scheme+":"+host)
		}
		for c := rune(0); c <= ' '; c++ {
			put("a control character", "http://"+host+string(c)+"/", "http://"+string(c)+host+"/", "http://"+host+"/"+string(c), string(c)+"http://"+host+"/")
		}
		for _, c := range "\\\"<>^`{}|@%\u00a0\u2028\u200b\ufeff／．？＃＠：℀ⓔ\u212a\u0130ſ" {
			put("a character", "http://"+host+string(c)+"/", "http://a"+string(c)+host+"/", "http://"+host+string(c)+".evil.example/")
		}
		put("user information", around("u:p@" + host)[0], around("@" + host)[0], around(":@" + host)[0], around("a@b@" + host)[0])
	}
	return all
}

// Nothing of the corpus passes, and the corpus is what it says: what can be read as an
// address is read by a lenient reader, and must be one that is not public.
func TestPOL36To40Hostile(t *testing.T) {
	j := judge(t, places.Rule{})
	all := hostile()
	passed, read, spelled := 0, 0, 0
	for u, why := range all {
		if j.URL(u) == "" {
			passed++
			t.Errorf("URL(%q) passes: %s", u, why)
		}
		if host, _, ok := browse(u); ok {
			if a, err := netip.ParseAddr(host); err == nil && inward(a) {
				read++
			}
		}
		if host, ok := strings.CutPrefix(u, "http://"); ok && j.Host(strings.TrimSuffix(host, "/")) == "" {
			t.Errorf("Host of %q passes: %s", u, why)
		}
	}
	r := rand.New(rand.NewPCG(1, 37))
	for _, network := range privates4 {
		a := inside(r, network)
		numeric, _ := spellings(a)
		for _, s := range numeric {
			if got, ok := inetAton(folded(s)); !ok || got != a {
				t.Errorf("%q is no spelling of %s: a reader sees %s", s, a, got)
			}
			spelled++
		}
		if !inward(a) || places.Public(a) {
			t.Errorf("%s of %s is public", a, network)
		}
	}
	for _, network := range privates6 {
		for range 50 {
			if a := inside(r, network); !inward(a) || places.Public(a) && !a.Is4In6() {
				t.Errorf("%s of %s is public", a, network)
			}
		}
	}
	t.Logf("%d hostile URLs, %d passed; a lenient reader reaches an address that is not public with %d of them; %d spellings checked", len(all), passed, read, spelled)
	if len(all) < 2000 || read < 1000 {
		t.Errorf("the corpus is too small: %d, %d", len(all), read)
	}
}

// Public and a second table, written apart, agree on random addresses.
func TestPOL37PublicAgreesWithNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 37))
	seen := map[bool]int{}
	for range 200_000 {
		v4 := netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		b := v4.As16()
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if r.IntN(2) == 0 {
			b[0], b[1] = 0x20, byte(r.IntN(4))
			b[2] = byte(r.IntN(4))
		}
		for _, a := range []netip.Addr{v4, netip.AddrFrom16(b)} {
			if places.Public(a) == inward(a) {
				t.Fatalf("Public(%s) = %t", a, places.Public(a))
			}
			seen[places.Public(a)]++
		}
	}
	t.Logf("public %d, not public %d", seen[true], seen[false])
}
