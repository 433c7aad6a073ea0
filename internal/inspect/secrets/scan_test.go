package secrets_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/secrets"
)

func TestScan(t *testing.T) {
	aws := "AK" + "IA" + drawn(base32, 16, "aws")
	for _, tc := range []struct {
		name, before, secret, after string
		rule                        string
		severity                    gate.Severity
	}{
		{"aws", "id ", aws, " ok", "aws_key", gate.High},
		{"aws secret", "aws_secret_access_key = ", drawn(alnum+"/+", 40, "awss"), "\n", "aws_secret_key", gate.Medium},
		{"google", "key=", "AI" + "za" + drawn(urls, 35, "g"), "&x", "google_api_key", gate.High},
		{"github", "", github("gh"+"p_", "a"), "", "github_token", gate.High},
		{"github without its checksum", "", "gh" + "o_" + drawn(alnum, 36, "b"), "", "github_token", gate.Medium},
		{"github, fine-grained", "token: ", "github" + "_pat_" + drawn(alnum, 22, "c") + "_" + drawn(alnum, 59, "d"), "", "github_fine_grained_token", gate.High},
		{"gitlab", "", "gl" + "pat-" + drawn(urls[:62], 20, "e"), ".", "gitlab_token", gate.High},
		{"npm", "", github("np"+"m_", "f"), "", "npm_token", gate.High},
		{"slack", "", "xo" + "xb-" + drawn("123456789", 12, "g") + "-" + drawn("123456789", 12, "h") + "-" + drawn(alnum, 24, "i"), "", "slack_bot_token", gate.High},
		{"slack hook", "https://hooks.slack.com/services/", "T" + drawn(base32, 10, "j") + "/B" + drawn(base32, 10, "k") + "/" + drawn(alnum, 24, "l"), "", "slack_webhook", gate.High},
		{"stripe", "", "sk" + "_live_" + drawn(alnum, 24, "m"), "", "stripe_key", gate.High},
		{"openai", "", "sk" + "-proj-" + drawn(urls[:62], 60, "n"), "", "openai_key", gate.High},
		{"anthropic", "", "sk" + "-ant-api03-" + drawn(urls[:62], 93, "o") + "AA", "", "anthropic_key", gate.High},
		{"hugging face", "", "h" + "f_" + drawn(alnum, 34, "p"), "", "huggingface_token", gate.High},
		{"digitalocean", "", "do" + "p_v1_" + drawn(hexes, 64, "q"), "", "digitalocean_token", gate.High},
		{"jwt", "Authorization: Bearer ", webToken(), "", "jwt", gate.High},
		{"key of rsa", "see\n", privateKey("RSA "), "\n", "private_key", gate.High},
		{"key of openssh", "", privateKey("OPENSSH "), "", "private_key", gate.High},
		{"connection string", "postgres://app:", "h8Kq!vB2xz", "@db.corp:5432/x", "connection_string", gate.Medium},
		{"connection string of odbc", "Server=db;User=app;Password=", "h8Kq!vB2xz", ";Encrypt=yes", "connection_string", gate.Medium},
		{"assignment", `"client_secret": "`, drawn(alnum, 32, "r"), `"`, "assignment", gate.Medium},
		{"assignment of a password", "DB_PASSWORD=", "Tr0ub4dor+3x", "\n", "assignment", gate.Medium},
		{"prose", "the API key is ", drawn(alnum, 32, "s"), ".", "generic", gate.Medium},
		{"an owner's", "DATADOG_API_KEY=", drawn(hexes, 32, "t"), "", "datadog_key", gate.Medium},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := tc.before + tc.secret + tc.after
			got := secrets.Scan(text)
			if len(got) == 0 || got[0].Rule != "secret."+tc.rule || got[0].Severity != tc.severity {
				t.Fatalf("%q: got %+v, want %s", text, got, tc.rule)
			}
			if at := text[got[0].Span.Start:got[0].Span.End]; at != tc.secret {
				t.Errorf("span of %q, want %q", at, tc.secret)
			}
			for i := range got {
				if strings.Contains(got[i].Text+got[i].Why, tc.secret) {
					t.Errorf("it shows what it found: %+v", got[i])
				}
			}
		})
	}
}

// What looks like a credential and is none: the twins of the rows above.
func TestHonest(t *testing.T) {
	for name, text := range map[string]string{
		"key of the manuals":       "AK" + "IAIOSFODNN7EXAMPLE",
		"secret of the manuals":    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"part of a longer word":    "XAK" + "IA" + drawn(base32, 16, "aws"),
		"too short":                "AK" + "IA" + drawn(base32, 15, "aws"),
		"crossed out":              "gh" + "p_" + strings.Repeat("x", 36),
		"left out":                 "token: gh" + "p_...",
		"a placeholder":            `api_key = "YOUR_API_KEY_HERE"`,
		"a placeholder in angles":  "password=<your-password>",
		"a variable":               "password=${DB_PASSWORD}",
		"a variable of a program":  `token = os.environ["GITHUB_TOKEN"]`,
		"a variable of a shell":    "curl -u user:$PASSWORD https://x.test",
		"a reference":              "secret: op://vault/item/field",
		"a UUID":                   "session 123e4567-e89b-42d3-a456-426614174000",
		"a commit":                 "commit " + drawn(hexes, 40, "commit"),
		"a checksum":               "sha256:" + drawn(hexes, 64, "sum"),
		"integrity":                `"integrity": "sha512-` + drawn(alnum+"+/", 86, "sri") + `=="`,
		"a public key":             "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + drawn(alnum+"+/", 43, "pub") + " me@host",
		"a certificate":            "-----BEGIN CERTIFICATE-----\n" + drawn(alnum+"+/", 64, "cert") + "\n-----END CERTIFICATE-----",
		"a public key in PEM":      "-----BEGIN PUBLIC KEY-----\n" + drawn(alnum+"+/", 64, "spki") + "\n-----END PUBLIC KEY-----",
		"a private key left out":   "-----BEGIN " + "PRIVATE KEY-----\n...\n-----END " + "PRIVATE KEY-----",
		"an image":                 "data:image/png;base64,iVBORw0KGgo" + drawn(alnum+"+/", 400, "png"),
		"an image of zeros":        strings.Repeat("AAAAAAAAAAAAAAA/AAABAAQA", 4000),
		"words":                    "the token is used to authenticate the user, and the password must be changed",
		"a token of a page":        `{"nextPageToken": "` + drawn(alnum, 40, "page") + `"}`,
		"counts":                   "max_tokens=4096 total_tokens: 18234",
		"a path":                   "key: /etc/ssl/private/server.key",
		"an address":               "https://user@host.corp/path?token_type=bearer",
		"a name of a tool":         "get_1password_credentials and figma_get_library_analytics",
		"a host with a port":       "redis://localhost:6379/0",
		"a URL without a password": "https://db.corp:5432@x",
	} {
		t.Run(name, func(t *testing.T) {
			if got := secrets.Scan(text); len(got) != 0 {
				t.Errorf("%q: %+v", text, got)
			}
		})
	}
}

func zipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func TestEncoded(t *testing.T) {
	token := github("gh"+"p_", "encoded")
	escaped, referenced, escapedX := "", "", ""
	for i := range len(token) {
		escaped += fmt.Sprintf("%%%02x", token[i])
		referenced += fmt.Sprintf("&#%d;", token[i])
		escapedX += fmt.Sprintf(`\x%02x`, token[i])
	}
	for name, coded := range map[string]string{
		"base64":             in64(token),
		"base64 with a name": in64("my token is " + token),
		"base64 for URLs":    base64.RawURLEncoding.EncodeToString([]byte("??>>" + token)),
		"base64 in lines":    in64(strings.Repeat("line ", 20) + token)[:76] + "\r\n" + in64(strings.Repeat("line ", 20) + token)[76:],
		"base64 behind more": "abc/" + in64(token),
		"base64 twice":       in64(in64(token)),
		"hex":                inHex(token),
		"large hex":          "0x" + strings.ToUpper(inHex(token)),
		"hex in base64":      in64(inHex(token)),
		"base64 in hex":      inHex(in64(token)),
		"percent":            escaped,
		"percent once":       strings.Replace(token, "_", "%5F", 1),
		"references":         referenced,
		"escapes":            escapedX,
		"escape once":        strings.Replace(token, "_", `\u005f`, 1),
		"reversed":           backwards(token),
		"reversed base64":    backwards(in64(token)),
		"base64 of reversed": in64(backwards(token)),
		"compressed":         zipped(t, token),
		"compressed, in hex": inHex(zipped(t, token)),
		"zero width":         between(token, "\u200b"),
		"soft hyphens":       between(token, "\u00ad"),
		"dashes":             between(token, "-"),
		"blanks":             between(token, " "),
		"groups":             token[:4] + " " + token[4:8] + " " + token[8:12] + " " + token[12:16] + " " + token[16:20] + " " + token[20:24] + " " + token[24:28] + " " + token[28:32] + " " + token[32:36] + " " + token[36:],
		"a concatenation":    token[:4] + `" + "` + token[4:20] + `" + "` + token[20:],
	} {
		t.Run(name, func(t *testing.T) {
			text := "before " + coded + " after"
			got := secrets.Scan(text)
			if len(got) != 1 || got[0].Rule != "secret.github_token" || got[0].Severity != gate.High {
				t.Fatalf("%q: %+v", text, got)
			}
			at := text[got[0].Span.Start:got[0].Span.End]
			if !strings.Contains(coded, at) || len(at) < len(token) {
				t.Errorf("span of %q in %q", at, text)
			}
		})
	}
}

// A string that a program puts together is found in the text that it stands in, and in every JSON
// that has that text as a string.
func TestScan_ConcatenationInJSON(t *testing.T) {
	token := github("gh"+"p_", "layers")
	for _, sign := range []string{"+", " + ", " +\n\t\t", " . ", "\r\n& "} {
		text := `key = "` + token[:4] + `"` + sign + `"` + token[4:20] + `"` + sign + `"` + token[20:] + `";`
		for layers := range 4 {
			got := secrets.Scan(text)
			if len(got) != 1 || got[0].Rule != "secret.github_token" || got[0].Severity != gate.High {
				t.Fatalf("%d layers: %+v in %s", layers, got, text)
			}
			if at := text[got[0].Span.Start:got[0].Span.End]; !strings.HasPrefix(at, token[:4]) || !strings.HasSuffix(at, token[20:]) {
				t.Errorf("%d layers: span of %s in %s", layers, at, text)
			}
			coded, err := json.Marshal(map[string]string{"text": text})
			if err != nil {
				t.Fatal(err)
			}
			text = string(coded)
		}
	}
}

// A list of strings in which a whole token stands is no token that goes on in the next string;
// one that is cut at such a place is found all the same.
func TestScan_ListOfStrings(t *testing.T) {
	token := github("gh"+"p_", "list")
	other := "gh" + "o_" + drawn(alnum, 36, "list")     // without its checksum
	long := "sk" + "-proj-" + drawn(alnum, 156, "list") // its first 68 are a whole one
	for _, tc := range []struct{ name, before, secret, after string }{
		{"a row", `[8,"`, token, `","1"]`},
		{"a row of a row", `{"rows":"[8,\"`, other, `\",\"x1\"]"}`},
		{"a call", "f('", other, "', 'abc')"},
		{"in pieces", `["`, token[:12] + `","` + token[12:], `"]`},
		{"of variable length", `["`, long[:68], `", "` + long[68:] + `"]`},
		{"in pieces of a row of a row", `{"rows":"[8,\"`, token[:12] + `\",\n\t\"` + token[12:], `\"]"}`},
		{"a row of lines", `{"rows":"[\n\"`, other, `\"\n,\"x1\"]"}`},
		{"put together", `x = "`, long[:68] + `" + "` + long[68:], `";`},
	} {
		text := tc.before + tc.secret + tc.after
		got := secrets.Scan(text)
		if len(got) != 1 || text[got[0].Span.Start:got[0].Span.End] != tc.secret {
			t.Errorf("%s: %+v in %q, want the span of the token alone", tc.name, got, text)
		}
	}
}
