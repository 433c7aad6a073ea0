package words_test

import (
	"net/mail"
	"strings"
	"testing"

	"doorward/internal/policy/words"
)

func email(t testing.TB, r words.EmailRule) *words.Email {
	t.Helper()
	e, faults := words.NewEmail(r)
	if len(faults) > 0 {
		t.Fatalf("NewEmail: %v", faults)
	}
	return e
}

func TestPOL55Email(t *testing.T) {
	one := words.EmailRule{Domains: []string{"ok.test", "*.corp.example"}}
	list := one
	list.Lists = true
	for _, tc := range []struct {
		name   string
		rule   words.EmailRule
		values []string
	}{
		{"POL-55 outside the domain", one, []string{
			"a@evil.test", "a@xok.test", "a@ok.test.evil.test", "a@sub.ok.test", "a@corp.example", "a@evilcorp.example", "a@ok.tes", "a@test", "a@",
		}},
		{"POL-55 display names", one, []string{
			"a@ok.test <b@evil.test>", "<a@ok.test>", "A <a@ok.test>", `"a@ok.test" <b@evil.test>`, "b@evil.test (a@ok.test)", "a(b@evil.test)@ok.test", "a@ok.test(x)",
			"=?utf-8?q?a?= <a@ok.test>", "undisclosed:a@ok.test;",
		}},
		{"POL-55 several addresses", one, []string{
			"a@ok.test,b@evil", "a@ok.test,b@ok.test", "a@ok.test;b@evil.test", "a@ok.test b@evil.test", "a@ok.test,", "a@evil.test@ok.test", "a@@ok.test",
		}},
		{"POL-55 header injection", one, []string{
			"a@ok.test\nBcc: b@evil.test", "a@ok.test\r\nBcc: b@evil.test", "a\n@ok.test", "a@ok.test\x00", "a@ok.test\n", " a@ok.test", "a@ok.test ", "a@ok.test%0ABcc:b@evil.test", "a\t@ok.test",
		}},
		{"POL-55 routes and odd forms", one, []string{
			"b%evil.test@ok.test", "evil.test!b@ok.test", "@evil.test:a@ok.test", `"b@evil.test"@ok.test`, `a\@ok.test`, "a@[127.0.0.1]", "a@[IPv6:::1]", "a@ok.test.", "a@ok..test",
			"-oQ/tmp@ok.test", ".a@ok.test", "a.@ok.test", "a..b@ok.test", "ä@ok.test", "a@ök.test", "a@ｏk.test", "a@o\u212a.test", "a\u200b@ok.test", "@ok.test", "", "a", "a@127.0.0.1", "a@ok.test/x",
			strings.Repeat("a", 65) + "@ok.test", "a@" + strings.Repeat("a.", 130) + "ok.test",
		}},
		{"POL-55 lists", list, []string{
			"a@ok.test,b@evil.test", "a@ok.test, b@evil", "a@ok.test,", ",a@ok.test", "a@ok.test,,b@ok.test", "a@ok.test,  b@ok.test", "a@ok.test,\nb@ok.test", "a@ok.test;b@ok.test",
			`"x,b@evil.test",a@ok.test`, strings.Repeat("a@ok.test,", 100) + "a@ok.test",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := email(t, tc.rule)
			for _, s := range tc.values {
				if why := e.Judge(s); why == "" || len(s) > 9 && strings.Contains(why, s) {
					t.Errorf("Judge(%q) = %q", s, why)
				}
			}
		})
	}
}

func TestEmailPasses(t *testing.T) {
	for s, rule := range map[string]words.EmailRule{
		"a@example.com": {}, "first.last+tag@mail.example.co.uk": {}, "o'brien@example.ie": {}, "x_1=y@example.com": {}, "a@xn--mnchen-3ya.de": {},
		"a@OK.test": {Domains: []string{"ok.TEST"}}, "a@b.c.ok.test": {Domains: []string{"*.ok.test"}}, "a@ok.test,b@ok.test, c@ok.test": {Domains: []string{"ok.test"}, Lists: true},
	} {
		if why := email(t, rule).Judge(s); why != "" {
			t.Errorf("Judge(%q) = %s", s, why)
		}
	}
}

func TestEmailFaults(t *testing.T) {
	e, faults := words.NewEmail(words.EmailRule{Domains: []string{"@example.com", "example.com", "*", "", "exämple.com", "example.com.", "a b.com", "1.2.3.4"}})
	if e != nil || len(faults) != 7 {
		t.Errorf("faults: %v", faults)
	}
}

// What passes is one address without a name for net/mail too, of the same domain.
func FuzzEmail(f *testing.F) {
	for _, s := range []string{"a@ok.test", "a+b@x.ok.test", "a@ok.test,b@evil", "<a@ok.test>", `"a"@ok.test`, "a@OK.TEST", "o'b=c@ok.test"} {
		f.Add(s)
	}
	e := email(f, words.EmailRule{Domains: []string{"ok.test", "*.ok.test"}})
	f.Fuzz(func(t *testing.T, s string) {
		if e.Judge(s) != "" {
			return
		}
		list, err := mail.ParseAddressList(s)
		if err != nil || len(list) != 1 || list[0].Name != "" || list[0].Address != s || !strings.HasSuffix(strings.ToLower("."+s[strings.IndexByte(s, '@')+1:]), ".ok.test") {
			t.Fatalf("%q passes; net/mail reads %v, %v", s, list, err)
		}
	})
}

func BenchmarkEmail(b *testing.B) {
	e := email(b, words.EmailRule{Domains: []string{"example.com", "*.example.com"}})
	b.ReportAllocs()
	for b.Loop() {
		if e.Judge("first.last+tag@mail.eu.example.com") != "" {
			b.Fatal("refused")
		}
	}
}
