package places_test

import (
	"net/netip"
	"strings"
	"testing"

	"doorward/internal/policy/places"
)

func judge(t testing.TB, r places.Rule) *places.Judge {
	t.Helper()
	j, faults := places.New(r)
	if len(faults) > 0 {
		t.Fatalf("New: %v", faults)
	}
	return j
}

func TestSecurityCases(t *testing.T) {
	plain := places.Rule{}
	only := places.Rule{Hosts: []string{"api.example.com", "*.example.org", "9.9.9.0/24", "2620:fe::/48"}}
	for _, tc := range []struct {
		name string
		rule places.Rule
		urls []string
	}{
		{"POL-36 odd spellings of loopback", plain, []string{
			"http://127.1/", "http://2130706433/", "http://0177.0.0.1/", "http://0x7f000001/", "http://127.0.0.1./", "http://localhost./",
			"http://①②⑦.⓪.⓪.①/", "http://0/", "http://[::]/", "http://[::1%25lo]/", "http://127.0.0.1/", "http://LOCALHOST/", "http://[::1]/",
			"http://127.000.000.001/", "http://0x7f.1/", "http://017700000001/", "http://4294967297/", "http://127.0.0.1.nip.io/", "http://a.localhost/",
		}},
		{"POL-37 addresses that are not public", plain, []string{
			"http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::7f00:1]/", "http://[2002:7f00:1::]/",
			"http://[fec0::1]/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://169.254.169.254/", "http://100.64.0.1/", "http://192.0.0.192/",
			"http://198.18.0.1/", "http://224.0.0.1/", "http://[ff02::1]/", "http://255.255.255.255/", "http://[::127.0.0.1]/", "http://[2001:0:7f00:1::]/",
			"http://[5f00::1]/", "http://[3fff::1]/", "http://[100::1]/", "http://[2001:db8::1]/", "http://240.0.0.1/", "http://168.63.129.16/",
			"http://100.100.100.200/", "http://metadata.google.internal/", "http://[2a00:1450::5efe:127.0.0.1]/", "http://[2a00:1450::5efe:7f00:1]/",
		}},
		{"POL-40 readings that differ", plain, []string{
			"http://ok@127.0.0.1", "http://ok.example.com@127.0.0.1/", "http://ok.example.com#@127.0.0.1", "http:\\\\127.0.0.1", "http://127.0.0.1\t",
			"gopher://example.com/", "dict://example.com/", "file:///etc/passwd", "jar:http://example.com/!/x", "http://example.com:22/",
			"http://example.com:25/", "http://example.com:6379/", "javascript://example.com/%0aalert(1)", "data:text/html,x", "https://example.com:/",
			"https://example.com:0443/", "https://example.com:65536/", "https://example.com:443:80/", "https:example.com", "https:/example.com", "https:///example.com",
			"//example.com/", "https://", "https://?x", "https://example.com\\@10.0.0.1/", "https://exa\tmple.com/", "https://exa\nmple.com/", " https://example.com/",
			"https://example.com/ ", "https://example.com/\x00", "https://example.com/%00", "https://example.com/a%0d%0aHost:x", "https://ex%61mple.com/",
			"https://example.com?@evil.com/", "https://example.com/#@evil.com", "HTTPS://example.com/", "https://exämple.com/", "https://example。com/",
			"https://example.com//evil.com/", "https://user:pw@example.com/", "https://@example.com/", "https://[2606:4700::1111/", "https://2606:4700::1111/",
			"https://[2606:4700::1111]x/", "https://[1.1.1.1]/", "https://exa_mple.com/", "https://-a.example.com/", "https://a..example.com/", "https://.example.com/",
			"https://example.com/%zz", "https://example.com/%", "https://xn--localhost-.example.com/", "https://xn--pple-43d.example.com/",
			"https://example.com/" + strings.Repeat("a", 2048), "https://" + strings.Repeat("a", 64) + ".com/", "https://" + strings.Repeat("a.", 130) + "com/",
		}},
		{"POL-41 hosts that the rule leaves out", only, []string{
			"https://example.com/", "https://api.example.com.evil.net/", "https://evilapi.example.com/", "https://example.org/", "https://evilexample.org/",
			"https://example.org.evil.net/", "https://9.9.8.9/", "https://[2620:fd::1]/", "https://api.example.com@evil.net/", "https://api.example.com./",
		}},
		{"A13 what filters forgot", plain, []string{
			"https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b:1:a9fe::1]/", "https://[2002:a9fe:a9fe::1]/", "https://[fec0:0:0:ffff::1]/",
		}},
		{"A39 a destination in an argument", only, []string{"https://10.0.0.7/grafana", "https://attacker.example/", "http://api.example.com:8080/"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := judge(t, tc.rule)
			for _, u := range tc.urls {
				why := j.URL(u)
				if why == "" {
					t.Errorf("URL(%q) passes", u)
				}
				if host := strings.Trim(u, "htps:/"); len(host) > 3 && strings.Contains(why, host) {
					t.Errorf("URL(%q) repeats the value: %s", u, why)
				}
			}
		})
	}
}

func TestURLPasses(t *testing.T) {
	for _, tc := range []struct {
		name string
		rule places.Rule
		urls []string
	}{
		{"any public host", places.Rule{}, []string{
			"https://example.com", "https://example.com/", "http://Example.COM:80/a",
			"https://example.com:443/?q=a@b.c#top", "https://example.com?x=1.2",
			"https://example.com#top", "https://unpkg.com/react@18.2.0/", "https://xn--mnchen-3ya.de/", "https://a.xn--fiqs8s/",
			"https://9.9.9.9/", "https://[2620:fe::fe]/", "https://[2606:4700:4700:0:0:0:0:1111]:443/x", "https://example.com/a?filter[name]=x|y&b=%0A",
			"https://r3---sn-4g5e.googlevideo.com/", "http://example.com:443/", "https://xn--80ak6aa92e.com/", "https://xn--p1ai.xn--p1ai/",
			"https://web.archive.org/web/2020/http://example.com/",
		}},
		{"hosts, ports and schemes of the rule", places.Rule{Hosts: []string{"API.example.com", "*.example.org", "9.9.9.0/24", "[2620:fe::fe]"}, Ports: []int{443, 8443}, Schemes: []string{"https", "wss"}}, []string{
			"https://api.example.com/", "https://api.example.com:8443/", "wss://a.b.example.org/", "https://9.9.9.9:8443/", "https://[2620:fe::fe]/",
		}},
		{"private, any", places.Rule{Private: true, Ports: []int{80, 3000}}, []string{
			"http://localhost:3000/", "http://127.0.0.1/", "http://10.1.2.3/", "http://[::1]:3000/", "http://[fe80::1]/", "http://db/", "http://x.internal/", "http://example.com/",
		}},
		{"private, named", places.Rule{Private: true, Hosts: []string{"localhost", "*.svc", "10.0.0.0/8", "169.254.169.254", "203.0.113.7"}}, []string{
			"http://localhost/", "http://a.b.svc/", "http://10.255.0.1/", "http://169.254.169.254/", "http://203.0.113.7/",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := judge(t, tc.rule)
			for _, u := range tc.urls {
				if why := j.URL(u); why != "" {
					t.Errorf("URL(%q) = %s", u, why)
				}
			}
		})
	}
}

func TestPrivateStaysNarrow(t *testing.T) {
	for _, tc := range []struct {
		name string
		rule places.Rule
		urls []string
	}{
		{"POL-37 private does not open metadata, tunnels, multicast", places.Rule{Private: true}, []string{
			"http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://0.0.0.0/", "http://[::]/", "http://224.0.0.1/", "http://[ff02::1]/",
			"http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://127.1/", "http://localhost./", "http://2130706433/",
		}},
		{"POL-41 private keeps to the hosts", places.Rule{Private: true, Hosts: []string{"localhost", "10.0.0.0/24"}}, []string{
			"http://127.0.0.1/", "http://10.0.1.1/", "http://a.localhost/", "http://example.com/", "http://localhost:8080/",
		}},
		{"POL-40 ports that the rule leaves out", places.Rule{Ports: []int{8443}}, []string{"https://example.com/", "https://example.com:443/"}},
		{"POL-40 a scheme without a default port", places.Rule{Schemes: []string{"amqp"}, Ports: []int{5672}}, []string{"amqp://example.com/", "https://example.com:5672/"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := judge(t, tc.rule)
			for _, u := range tc.urls {
				if j.URL(u) == "" {
					t.Errorf("URL(%q) passes", u)
				}
			}
		})
	}
}

func TestHost(t *testing.T) {
	j := judge(t, places.Rule{})
	for _, h := range []string{"example.com", "example.com:443", "EXAMPLE.com:80", "9.9.9.9", "[2620:fe::fe]:443", "[2620:fe::fe]", "2606:4700:4700::1111"} {
		if why := j.Host(h); why != "" {
			t.Errorf("Host(%q) = %s", h, why)
		}
	}
	for _, h := range []string{
		"", ":", ":80", "[", "[]", "]", "example.com:", "example.com:22", "example.com:6379", "example.com/x", "https://example.com", "user@example.com", "example.com.",
		";id", "$(id)", "`id`", "a|b.com", "a&b.com", "a>b.com", "example.com\n", "${IFS}", "!!", "~", "*", "--output=/tmp/x", "-oProxyCommand=x.com",
		"127.1", "0", "localhost", "db", "::1", "::", "fe80::1%lo", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1:80", "2606:4700::1.1.1.1", "1:2", "[::1]",
		"[2606:4700::1%25eth0]", "example.com:080", "example.com:99999", "example.com:443:443",
	} {
		if j.Host(h) == "" {
			t.Errorf("Host(%q) passes", h)
		}
	}
}

func TestNilAndZeroRefuse(t *testing.T) {
	var none *places.Judge
	for _, j := range []*places.Judge{none, {}} {
		if j.URL("https://example.com/") == "" || j.Host("example.com") == "" {
			t.Error("a judge without a rule lets a place pass")
		}
	}
	if places.Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestNewFaults(t *testing.T) {
	j, faults := places.New(places.Rule{
		Schemes: []string{"https", "javascript", "HTTP", "amqp", "", "https:"},
		Hosts: []string{
			"https://example.com", "example.com:443", "*.com", "localhost", "*.internal", "10.0.0.0/8", "127.0.0.1", "10.0.0.1/8", "exämple.com", "::ffff:1.2.3.4",
			"224.0.0.0/4", "fe80::1%eth0", "127.1", "*", "", "a.*.com", "64:ff9b::/96", "example.com", "0.0.0.0/0", "::/0",
		},
		Ports: []int{},
	})
	if j != nil {
		t.Error("New returns a judge with faults")
	}
	var got []string
	for _, f := range faults {
		if f.Text == "" {
			t.Errorf("%s: no text", f.Field)
		}
		got = append(got, f.Field)
	}
	want := "schemes[1] schemes[2] schemes[3] schemes[4] schemes[5] hosts[0] hosts[1] hosts[2] hosts[3] hosts[4] hosts[5] hosts[6] hosts[7] hosts[8] hosts[9] " +
		"hosts[10] hosts[11] hosts[12] hosts[13] hosts[14] hosts[15] hosts[16]"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("faults\n got %s\nwant %s", s, want)
	}
	if _, faults = places.New(places.Rule{Ports: []int{0, 443, 65536, -1}}); len(faults) != 3 {
		t.Errorf("ports: %v", faults)
	}
	if _, faults = places.New(places.Rule{Hosts: make([]string, 1001)}); len(faults) != 1 {
		t.Errorf("a list without bound: %d faults", len(faults))
	}
}

func TestPublic(t *testing.T) {
	for a, want := range map[string]bool{
		"1.1.1.1": true, "2606:4700:4700::1111": true, "::ffff:8.8.8.8": true, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false,
		"9.255.255.255": true, "11.0.0.0": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"223.255.255.255": true, "198.17.255.255": true, "198.20.0.0": true, "2001:200::1": true, "2001:1ff:ffff::1": false, "2003::1": true,
		"4000::1": false, "1fff::1": false, "3ffe::1": true, "2a00:1450::5efe:7f00:1": false, "2620:fe::fe%eth0": false,
	} {
		if got := places.Public(netip.MustParseAddr(a)); got != want {
			t.Errorf("Public(%s) = %t", a, got)
		}
	}
}

func BenchmarkURL(b *testing.B) {
	j := judge(b, places.Rule{Hosts: []string{"*.example.com", "api.example.org"}})
	b.ReportAllocs()
	for b.Loop() {
		if j.URL("https://api.eu.example.com/v1/users/42/orders?status=open&page=3&limit=100") != "" {
			b.Fatal("refused")
		}
	}
}

func BenchmarkURLAddress(b *testing.B) {
	j := judge(b, places.Rule{})
	b.ReportAllocs()
	for b.Loop() {
		if j.URL("https://[2606:4700:4700::1111]/dns-query?name=example.com&type=AAAA") != "" {
			b.Fatal("refused")
		}
	}
}

func BenchmarkHost(b *testing.B) {
	j := judge(b, places.Rule{})
	b.ReportAllocs()
	for b.Loop() {
		if j.Host("xn--mnchen-3ya.example.com:443") != "" {
			b.Fatal("refused")
		}
	}
}
