package issuer_test

import (
	"fmt"
	"strings"
	"testing"

	"doorward/internal/issuer"
)

func TestAUT13_Shapes(t *testing.T) {
	s := one(t, nil)
	accepted(t, s, good())
	jwe := b64([]byte(`{"alg":"A128KW","enc":"A128GCM"}`)) + "..AAAA.AAAA.AAAA"
	pbes := b64([]byte(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483648,"p2s":"AAAA"}`)) + ".AA.AA.AA.AA"
	bomb := b64([]byte(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`)) + "..AAAA." + strings.Repeat("A", 8000) + ".AAAA"
	deep := strings.Repeat("[", 6000)
	members := "{" + strings.TrimSuffix(strings.Repeat(`"a":1,`, 2000), ",") + "}"
	var many strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&many, `"%x":1,`, i)
	}
	tokens := []string{
		"", ".", "..", "...", "....", ".....", strings.Repeat(".", 10_000), strings.Repeat(".", 1<<20), strings.Repeat("a", 1<<20),
		strings.Repeat("a.", 1<<19),
		jwe, pbes, bomb, good() + ".", "." + good(), good() + ".a", "a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", "e30.e30.", "e30..AA", ".e30.AA",
		jws(header(), deep, "ES256", p256Key()), jws(deep, claims(), "ES256", p256Key()), jws(header(), members, "ES256", p256Key()),
		jws(header(), `{"a":`+strings.Repeat(`{"a":`, 20)+"1"+strings.Repeat("}", 21), "ES256", p256Key()),
		jws(`{"alg":"ES256","kid":"k1","a":[[[1]]]}`, claims(), "ES256", p256Key()),
		jws(header(), "{"+many.String()+encode(claims())[1:], "ES256", p256Key()),
		strings.Repeat("\x00", 100), "\xff\xfe", "Bearer " + good(), good() + "\n", " " + good(), "\ufeff" + good(),
	}
	for i, token := range tokens {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			refused(t, s, token)
			cheap(t, len(token), func() { _, _ = verify(s, token) })
		})
	}
}

func TestAUT14_NamesThatReadAlike(t *testing.T) {
	s := one(t, func(s *issuer.Settings) { s.Claims.Groups = "/resource_access/groups" })
	body := encode(claims())
	insert := func(member string) string { return "{" + member + "," + body[1:] }
	after := func(member string) string { return body[:len(body)-1] + "," + member + "}" }
	accepted(t, s, jws(header(), insert(`"name":"Alice","x":{"SUB":1}`), "ES256", p256Key()))
	members := []string{
		`"sub":"adm"`, `"Sub":"adm"`, `"SUB":"adm"`, `"sub\u0000":"adm"`, `"\u0073ub":"adm"`, `"\u017fub":"adm"`, `"I\u0053S":"x"`,
		`"i\u017fs":"x"`, `"AUD":"x"`,
		`"Exp":1`, `"nbF":1`, `"IAT":1`, `"Scope":"adm"`, `"\u017fcope":"adm"`, `"CNF":{}`, `"sub\n":"adm"`, `"sub\u200b":"adm"`,
		`"sub\ufeff":"adm"`, `"\u202esub":"adm"`,
		`"Client_ID":"x"`, `"SCP":"x"`, `"x":{"a":1,"a":2}`, `"x":[{"a":1,"\u0061":2}]`, `"a\u0001b":1`, `"\u00ad":1`,
		`"Resource_Access":{}`, `"_Claim_Names":{}`, `"Jti":"x"`,
		`"resource_access":{"groups":"a","Groups":"b"}`, `"resource_access":{"groups":"a","groups\u0000":"b"}`,
	}
	for _, member := range members {
		refused(t, s, jws(header(), insert(member), "ES256", p256Key()))
		refused(t, s, jws(header(), after(member), "ES256", p256Key()))
	}
	for _, payload := range []string{
		body + "x", body + "{}", "[" + body + "]", `"` + body + `"`, "null", "1", "", " ", "\ufeff" + body, body[:len(body)-1], body[1:],
		strings.ReplaceAll(body, `"alice"`, "\"al\xffce\""),
		strings.ReplaceAll(body, `"alice"`, `"\ud800"`), strings.ReplaceAll(body, `"alice"`, `"\x61lice"`),
		strings.ReplaceAll(body, `"alice"`, "'alice'"), body[:len(body)-1] + ",}",
		strings.ReplaceAll(body, `"alice"`, "\"al\nice\""), "/**/" + body, strings.ReplaceAll(body, ":", "="), strings.Repeat("{", 10) + body,
	} {
		refused(t, s, jws(header(), payload, "ES256", p256Key()))
	}
}

func TestAUT15_Base64url(t *testing.T) {
	s := one(t, nil)
	token := good()
	parts := strings.Split(token, ".")
	last := func(s string) string { // the same bytes, with other bits left over
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])+1])
	}
	changes := map[string]func(string) string{
		"padded": func(s string) string {
			return s + strings.Repeat("=", (4-len(s)%4)%4) + strings.Repeat("=", 4*(1-min(1, len(s)%4)))
		},
		"one =": func(s string) string { return s + "=" }, "two =": func(s string) string { return s + "==" },
		"plus": func(s string) string { return s[:3] + "+" + s[4:] }, "slash": func(s string) string { return s[:3] + "/" + s[4:] },
		"LF": func(s string) string { return s[:4] + "\n" + s[4:] }, "CR": func(s string) string { return s[:4] + "\r" + s[4:] },
		"LF after": func(s string) string { return s + "\n" },
		"space":    func(s string) string { return s[:4] + " " + s[4:] }, "space before": func(s string) string { return " " + s },
		"tab": func(s string) string { return s + "\t" },
		"NUL": func(s string) string { return s + "\x00" }, "percent": func(s string) string { return strings.Replace(s, s[:1], "%41", 1) },
		"length 1 mod 4": func(s string) string { return s[:len(s)-len(s)%4] + "A" },
		"NBSP":           func(s string) string { return s + "\u00a0" }, "empty": func(string) string { return "" },
	}
	for name, change := range changes {
		for i := range parts {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				p := append([]string{}, parts...)
				p[i] = change(p[i])
				refused(t, s, strings.Join(p, "."))
			})
		}
	}
	// The signature is 64 bytes, so its last character has bits to spare.
	refused(t, s, parts[0]+"."+parts[1]+"."+last(parts[2]))
	for pad := range 3 { // a header and a payload that have, too
		h := encode(header())
		p := encode(claims("pad", strings.Repeat("x", pad)))
		input := b64([]byte(h+strings.Repeat(" ", pad))) + "." + b64([]byte(p))
		first, second, _ := strings.Cut(input, ".")
		for _, changed := range []string{last(first) + "." + second, first + "." + last(second)} {
			if len(first)%4 == 0 && changed[:len(first)] != first || len(second)%4 == 0 && changed[len(first):] != input[len(first):] {
				continue // no bits to spare: these are other bytes
			}
			refused(t, s, changed+"."+b64(sign("ES256", p256Key(), changed)))
		}
	}
	accepted(t, s, token)
}
