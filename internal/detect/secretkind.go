package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// The alphabets of the formats.
const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base62 = digits + upper + lower
	urlish = base62 + "-_"
)

// secretKind is a format of credentials. The values are made at random from
// the vendors' published formats, so none was ever valid and none stands in
// the repository.
type secretKind struct {
	name string
	make func(r *rand.Rand) string
}

func pick(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func prefixed(prefix, alphabet string, n int) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return prefix + pick(r, alphabet, n) }
}

// checksummed is GitHub's format, which npm uses too: 30 characters and their
// CRC-32 as six digits of base 62
// (github.blog/2021-04-05-behind-githubs-new-authentication-token-formats).
func checksummed(prefix string) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		body := pick(r, base62, 30)
		sum := crc32.ChecksumIEEE([]byte(body))
		tail := make([]byte, 6)
		for i := len(tail) - 1; i >= 0; i-- {
			tail[i] = base62[sum%62]
			sum /= 62
		}
		return prefix + body + string(tail)
	}
}

var secretKinds = []secretKind{
	{"github_pat", checksummed("ghp_")},
	{"github_oauth", checksummed("gho_")},
	{"github_app", checksummed("ghs_")},
	{"github_fine", func(r *rand.Rand) string {
		return "github_pat_" + pick(r, base62, 22) + "_" + pick(r, base62, 59)
	}},
	{"gitlab_pat", prefixed("glpat-", urlish, 20)},
	{"aws_access_pair", func(r *rand.Rand) string {
		return "AKIA" + pick(r, upper+"234567", 16) + " aws_secret_access_key=" + pick(r, base62+"+/", 40)
	}},
	{"google_api_key", prefixed("AIza", urlish, 35)},
	{"slack_bot", func(r *rand.Rand) string {
		return "xoxb-" + pick(r, digits, 12) + "-" + pick(r, digits, 13) + "-" + pick(r, base62, 24)
	}},
	{"slack_webhook", func(r *rand.Rand) string {
		return "https://hooks.slack.com/services/T" + pick(r, upper+digits, 8) + "/B" + pick(r, upper+digits, 10) + "/" + pick(r, base62, 24)
	}},
	{"stripe_live", prefixed("sk_live_", base62, 24)},
	{"stripe_restricted", prefixed("rk_live_", base62, 24)},
	{"openai_key", func(r *rand.Rand) string {
		return "sk-proj-" + pick(r, base62, 20) + "T3BlbkFJ" + pick(r, base62, 20)
	}},
	{"anthropic_key", func(r *rand.Rand) string { return "sk-ant-api03-" + pick(r, urlish, 93) + "AA" }},
	{"npm_token", checksummed("npm_")},
	{"pypi_token", prefixed("pypi-AgEIcHlwaS5vcmc", urlish, 80)},
	{"sendgrid", func(r *rand.Rand) string { return "SG." + pick(r, urlish, 22) + "." + pick(r, urlish, 43) }},
	{"telegram_bot", func(r *rand.Rand) string {
		return pick(r, "123456789", 1) + pick(r, digits, 9) + ":AA" + pick(r, urlish, 33)
	}},
	{"twilio", func(r *rand.Rand) string {
		return "AC" + pick(r, digits+"abcdef", 32) + " auth_token=" + pick(r, digits+"abcdef", 32)
	}},
	{"digitalocean", prefixed("dop_v1_", digits+"abcdef", 64)},
	{"huggingface", prefixed("hf_", base62, 34)},
	{"shopify", prefixed("shpat_", digits+"abcdef", 32)},
	{"vault_token", prefixed("hvs.", urlish, 90)},
	{"azure_storage", func(r *rand.Rand) string {
		return "DefaultEndpointsProtocol=https;AccountName=" + pick(r, lower, 9) + ";AccountKey=" + encoded(r, 64)
	}},
	{"jwt", func(r *rand.Rand) string {
		raw := base64.RawURLEncoding
		body := fmt.Sprintf(`{"sub":"%s","iat":17%s}`, pick(r, lower, 8), pick(r, digits, 8))
		return raw.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + raw.EncodeToString([]byte(body)) + "." + pick(r, urlish, 43)
	}},
	{"private_key_pem", func(r *rand.Rand) string {
		var b strings.Builder
		b.WriteString("-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEowIBAAKCAQEA")
		for range 12 {
			b.WriteString(pick(r, base62+"+/", 64) + "\n")
		}
		return b.String() + "-----END RSA PRIVATE" + " KEY-----"
	}},
	{"openssh_key", func(r *rand.Rand) string {
		return "-----BEGIN OPENSSH PRIVATE" + " KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA" + encoded(r, 240) + "\n-----END OPENSSH PRIVATE" + " KEY-----"
	}},
	{"postgres_url", func(r *rand.Rand) string {
		return "postgres://" + pick(r, lower, 7) + ":" + pick(r, base62, 18) + "@db." + pick(r, lower, 6) + ".example:5432/app"
	}},
	{"basic_auth", func(r *rand.Rand) string {
		return base64.StdEncoding.EncodeToString([]byte(pick(r, lower, 8) + ":" + pick(r, base62, 16)))
	}},
	{"bearer", prefixed("", urlish, 44)},
	{"generic_key", prefixed("", base62, 40)},
	{"password_assignment", func(r *rand.Rand) string { return pick(r, base62, 7) + "#" + pick(r, base62, 7) + "!" }},
}

// contexts are what stands before the kinds that are recognised by it alone.
var secretContexts = map[string]string{
	"basic_auth":          "Authorization: Basic ",
	"bearer":              "Authorization: Bearer ",
	"generic_key":         "api_key=",
	"password_assignment": "password=",
}

// encoded is n random bytes in base64.
func encoded(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// lookalikes are honest values that resemble secrets in length and alphabet.
var lookalikes = []secretKind{
	{"uuid", func(r *rand.Rand) string {
		h := pick(r, digits+"abcdef", 30)
		return h[:8] + "-" + h[8:12] + "-4" + h[12:15] + "-a" + h[15:18] + "-" + h[18:30]
	}},
	{"git_commit", prefixed("commit ", digits+"abcdef", 40)},
	{"sha256", prefixed("sha256:", digits+"abcdef", 64)},
	{"integrity", func(r *rand.Rand) string { return `"integrity": "sha512-` + encoded(r, 64) + `"` }},
	{"ssh_public_key", func(r *rand.Rand) string {
		return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + pick(r, base62+"+/", 43) + " lee@desk"
	}},
	{"certificate", func(r *rand.Rand) string {
		return "-----BEGIN CERTIFICATE-----\n" + encoded(r, 400) + "\n-----END CERTIFICATE-----"
	}},
	{"placeholder", func(r *rand.Rand) string { return "api_key=<your-api-key-" + pick(r, digits, 3) + ">" }},
	{"masked", func(r *rand.Rand) string { return "token ghp_" + strings.Repeat("*", 32) + pick(r, base62, 4) }},
	{"variable", func(r *rand.Rand) string { return "password=${DB_PASSWORD_" + pick(r, upper, 4) + "}" }},
	{"image", func(r *rand.Rand) string { return "data:image/png;base64,iVBORw0KGgo" + encoded(r, 120) }},
	{"file_id", func(r *rand.Rand) string { return "https://drive.example/file/d/1" + pick(r, urlish, 32) + "/view" }},
	{"etag", func(r *rand.Rand) string { return `ETag: W/"` + pick(r, digits+"abcdef", 32) + `"` }},
	{"stripe_object", func(r *rand.Rand) string { return "pi_" + pick(r, base62, 24) }},
	{"aws_arn", func(r *rand.Rand) string {
		return "arn:aws:iam::" + pick(r, digits, 12) + ":role/" + pick(r, lower, 12)
	}},
	{"public_url", func(r *rand.Rand) string { return "postgres://app@localhost:5432/test_" + pick(r, lower, 6) }},
}

// The ways in which a secret may travel.
const (
	plain    = "plain"
	inBase64 = "base64"
	inHex    = "hex"
	percent  = "percent"
	zero     = "zerowidth"
)

// encode writes text in one of those ways.
func encode(text, way string) (string, error) {
	switch way {
	case plain:
		return text, nil
	case inBase64:
		return base64.StdEncoding.EncodeToString([]byte(text)), nil
	case inHex:
		return hex.EncodeToString([]byte(text)), nil
	case percent:
		var b strings.Builder
		for i := range len(text) {
			fmt.Fprintf(&b, "%%%02X", text[i])
		}
		return b.String(), nil
	case zero:
		return strings.Join(strings.Split(text, ""), "\u200b"), nil
	}
	return "", fmt.Errorf("unknown encoding %q", way)
}

// secretOf makes the value of a kind by a seed.
func secretOf(kind string, seed uint64) (string, error) {
	for i, k := range secretKinds {
		if k.name == kind {
			return k.make(seeded(seed, uint64(i))), nil
		}
	}
	return "", fmt.Errorf("unknown kind of secret %q", kind)
}

// seeded is the same sequence for the same numbers, whatever the platform.
func seeded(a, b uint64) *rand.Rand {
	return rand.New(rand.NewPCG(a, b))
}

var secretMark = regexp.MustCompile(`\{\{secret:([a-z_]+):([0-9]{1,9}):([a-z0-9]+)\}\}`)

// expandSecrets puts values in place of the marks {{secret:kind:seed:encoding}}
// of a line, so that nothing that looks like a credential is committed.
func expandSecrets(line []byte) ([]byte, error) {
	if !bytes.Contains(line, []byte("{{secret:")) {
		return line, nil
	}
	var wrong error
	line = secretMark.ReplaceAllFunc(line, func(mark []byte) []byte {
		part := secretMark.FindSubmatch(mark)
		seed, err := strconv.ParseUint(string(part[2]), 10, 32)
		if err != nil {
			wrong = err
			return mark
		}
		value, err := secretOf(string(part[1]), seed)
		if err == nil {
			value, err = encode(value, string(part[3]))
		}
		if err != nil {
			wrong = err
			return mark
		}
		return []byte(quoted(value))
	})
	if wrong == nil && bytes.Contains(line, []byte("{{secret:")) {
		wrong = errors.New("a mark for a secret that does not read {{secret:kind:seed:encoding}}")
	}
	return line, wrong
}

// quoted is s as it stands between the quotes of a JSON string.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(b[1 : len(b)-1])
}
