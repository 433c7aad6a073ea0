package secrets_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/secrets"
)

// drawn is a text of n characters of an alphabet, the same in every run; a test
// holds nothing that looks like a credential.
func drawn(seed uint64, alphabet string, n int) string {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	alnum  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	hexes  = "0123456789abcdef"
)

// samples are credentials by the rule that finds them.
func samples() map[string]string {
	return map[string]string{
		"secret.aws_access_key": "AKIA" + drawn(1, base32, 16),
		"secret.google_api_key": "AIza" + drawn(2, alnum, 35),
		"secret.private_key":    "-----BEGIN PRIVATE KEY-----\n" + drawn(3, alnum, 64) + "\n" + drawn(4, alnum, 64) + "\n-----END PRIVATE KEY-----",
		"secret.url_password":   "postgres://app:" + drawn(5, alnum, 14) + "@db.internal/orders",
		"secret.generic":        `api_key = "` + drawn(6, alnum, 32) + `"`,
		"secret.password":       `password: Tr0ub4dor&` + drawn(7, hexes, 2),
		"secret.heroku_key":     "HEROKU_API_KEY=" + drawn(8, hexes, 8) + "-" + drawn(9, hexes, 4) + "-" + drawn(10, hexes, 4) + "-" + drawn(11, hexes, 4) + "-" + drawn(12, hexes, 12),
	}
}

func rules(found []gate.Finding) []string {
	var out []string
	for i := range found {
		out = append(out, found[i].Rule)
	}
	return out
}

func TestCredentials(t *testing.T) {
	for rule, text := range samples() {
		for _, around := range [][2]string{{"", ""}, {"see: ", " (ours)"}, {"Grüße\n", "\n"}} {
			whole := around[0] + text + around[1]
			found := secrets.Scan(whole)
			if len(found) != 1 || found[0].Rule != rule {
				t.Errorf("%s: found %v", rule, rules(found))
				continue
			}
			f := found[0]
			if f.Span.Start < len(around[0]) || f.Span.End > len(whole)-len(around[1]) || f.Span.Start >= f.Span.End {
				t.Errorf("%s: span %v of %d", rule, f.Span, len(whole))
			}
			if secret := whole[f.Span.Start:f.Span.End]; len(secret) > 12 && strings.Contains(f.Text+f.Why, secret[:12]) {
				t.Errorf("%s: the finding says %q", rule, f.Text)
			}
		}
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func TestEncodedCredentials(t *testing.T) {
	percents := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			b.WriteString("%" + hex.EncodeToString([]byte{s[i]}))
		}
		return b.String()
	}
	for rule, text := range samples() {
		backwards := []byte(text)
		slices.Reverse(backwards)
		for name, carrier := range map[string]string{
			"base64":            base64.StdEncoding.EncodeToString([]byte(text)),
			"base64url":         "token=" + base64.RawURLEncoding.EncodeToString([]byte(text)),
			"base64 twice":      base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(text)))),
			"base64 in percent": url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(text))),
			"hex":               "x " + hex.EncodeToString([]byte(text)) + " y",
			"percent":           percents(text),
			"gzip":              zipped(t, text),
			"zero width":        strings.Join(strings.Split(text, ""), "\u200b"),
			"backwards":         string(backwards),
		} {
			if found := secrets.Scan(carrier); len(found) == 0 {
				t.Errorf("%s in %s: not found", rule, name)
			}
		}
	}
}

func TestLookalikes(t *testing.T) {
	for _, text := range []string{
		"", "The token is in the vault.", "Set your password in the settings.", "api_key = <your-api-key>", "API_KEY=${API_KEY}", `token = os.environ["TOKEN"]`,
		"AKIAIOSFODNN7EXAMPLE", "commit " + drawn(20, hexes, 40), "sha256:" + drawn(21, hexes, 64), "id: " + drawn(22, hexes, 8) + "-1111-4222-8333-" + drawn(23, hexes, 12),
		`"integrity": "sha512-` + drawn(24, alnum, 86) + `=="`, "data:image/png;base64," + drawn(25, alnum, 400), "nextPageToken: " + drawn(26, alnum, 40),
		"max_tokens: 4096", "password: string, at least 8 characters", "tokenizer=cl100k_base", "https://example.com/reset-password?lang=en",
		"postgres://user:password@localhost/db", "rookTable = " + drawn(27, alnum, 42), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", strings.Repeat("a", 5000), strings.Repeat("%41", 100),
	} {
		if found := secrets.Scan(text); len(found) > 0 {
			t.Errorf("%.60q: %v", text, rules(found))
		}
	}
}

func TestPieces(t *testing.T) {
	key := "AKIA" + drawn(1, base32, 16)
	var p secrets.Pieces
	if found := p.Add([]string{"x " + key[:9], key[9:] + " y"}); len(found) != 1 || found[0].Rule != "secret.aws_access_key" {
		t.Errorf("over two arguments: %v", rules(found))
	}
	p = secrets.Pieces{}
	for i, part := range []string{key[:6], key[6:13], key[13:]} {
		found := p.Add([]string{part})
		if want := i == 2; len(found) > 0 != want {
			t.Errorf("after piece %d: %v", i+1, rules(found))
		}
	}
	p = secrets.Pieces{}
	if found := p.Add([]string{key, "and more"}); len(found) != 0 {
		t.Errorf("one that a value holds alone: %v", rules(found))
	}
	p = secrets.Pieces{}
	encoded := base64.StdEncoding.EncodeToString([]byte("key " + key))
	if found := p.Add([]string{encoded[:10], encoded[10:]}); len(found) != 1 {
		t.Errorf("encoded: %v", rules(found))
	}
	for range 100 {
		p.Add([]string{strings.Repeat("é", 500)})
	}
	if len(p.Tail()) > 4<<10 || !strings.HasPrefix(p.Tail(), "é") {
		t.Errorf("keeps %d bytes", len(p.Tail()))
	}
}

func TestCanaries(t *testing.T) {
	const value = "tea-kettle-4711-lantern"
	c, err := secrets.NewCanaries(map[string]string{"vault": value, "other": "another-planted-value"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain": "see " + value + ".", "capitals": strings.ToUpper(value), "apart": "tea kettle 4711 lantern", "letters": strings.Join(strings.Split(value, ""), " "),
		"base64": base64.StdEncoding.EncodeToString([]byte(value)), "base64 at an offset": base64.StdEncoding.EncodeToString([]byte("ab" + value + "c")),
		"base64url": base64.RawURLEncoding.EncodeToString([]byte("?" + value)), "hex": hex.EncodeToString([]byte(value)), "percent": url.QueryEscape("&"+value) + "%20%20",
		"twice": hex.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(value)))), "zero width": strings.ReplaceAll(value, "-", "\u200b"),
		"backwards": "nretnal-1174-elttek-aet",
	} {
		found := c.Find(text)
		if len(found) != 1 || found[0].Rule != "secret.canary" || !strings.Contains(found[0].Why, "vault") || strings.Contains(found[0].Text, "kettle") {
			t.Errorf("%s: %+v", name, found)
		}
	}
	for _, text := range []string{"", "tea kettle and a lantern", "4711", strings.Repeat("tea-kettle-", 100)} {
		if found := c.Find(text); len(found) > 0 {
			t.Errorf("%.40q: %+v", text, found)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", 513), "------------"} {
		if _, err := secrets.NewCanaries(map[string]string{"a": bad}); err == nil {
			t.Errorf("%q is no canary", bad)
		}
	}
	var none *secrets.Canaries
	if found := none.Find(value); found != nil {
		t.Errorf("without canaries: %v", found)
	}
}

func FuzzScan(f *testing.F) {
	for _, text := range samples() {
		f.Add(text)
		f.Add(base64.StdEncoding.EncodeToString([]byte(text)))
	}
	f.Add("%%%4")
	f.Fuzz(func(t *testing.T, text string) {
		found := secrets.Scan(text)
		if len(found) > gate.MaxFindings {
			t.Fatalf("%d findings", len(found))
		}
		last := 0
		for _, fi := range found {
			if fi.Span.Start < last || fi.Span.End > len(text) || fi.Span.End <= fi.Span.Start || fi.Severity < gate.Medium {
				t.Fatalf("%+v in %q", fi, text)
			}
			last = fi.Span.Start
		}
		var p secrets.Pieces
		p.Add([]string{text, text})
		if len(p.Tail()) > 4<<10 {
			t.Fatalf("keeps %d bytes", len(p.Tail()))
		}
	})
}

func BenchmarkScan(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, and reads README.md twice. ", 1500)
	for name, n := range map[string]int{"1KB": 1 << 10, "100KB": 100 << 10} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				secrets.Scan(text[:n])
			}
		})
	}
}
