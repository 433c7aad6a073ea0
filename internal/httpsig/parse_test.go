package httpsig_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/httpsig"
)

const (
	goodList   = `("@method" "@target-uri" "content-digest" "content-type" "mcp-method")`
	goodParams = `;created=1790000000;nonce="0123456789abcdef";keyid="k_1";alg="hmac-sha256";tag="doorward"`
	goodBytes  = `:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:`
)

func headers(input, signature, digest string) http.Header {
	return http.Header{"Signature-Input": {input}, "Signature": {signature}, "Content-Digest": {digest}}
}

// Every label and every order of the parameters is taken.
func TestParseTakes(t *testing.T) {
	for _, label := range []string{"sig1", "s", "*", "a-b_c.d*9"} {
		for _, params := range []string{
			goodParams,
			`;tag="doorward";alg="hmac-sha256";keyid="k_1";nonce="0123456789abcdef";created=1`,
			`;keyid="k_1";created=99999999999;alg="hmac-sha256";tag="doorward";nonce="` + strings.Repeat("_", 128) + `"`,
		} {
			for _, list := range []string{goodList, `("@method" "@target-uri" "content-digest")`, `("@method" "@target-uri" "content-digest" "a" "b" "z!")`} {
				h := headers(label+"="+list+params, label+"="+goodBytes, "sha-256="+goodBytes)
				in, err := httpsig.Parse(h)
				if err != nil {
					t.Errorf("%s: %v", h.Get("Signature-Input"), err)
					continue
				}
				if diff := cmp.Diff(h, in.Header()); diff != "" {
					t.Error(diff)
				}
			}
		}
	}
}

func TestParseRefusesAnotherInput(t *testing.T) {
	list := func(rest string) string { return `sig1=("@method" "@target-uri" "content-digest"` + rest + goodParams }
	param := func(from, to string) string { return "sig1=" + goodList + strings.Replace(goodParams, from, to, 1) }
	for name, input := range map[string]string{
		"empty":                   "",
		"no label":                goodList + goodParams,
		"upper-case label":        "Sig1=" + goodList + goodParams,
		"label that is a number":  "1=" + goodList + goodParams,
		"label beyond its bound":  strings.Repeat("s", 65) + "=" + goodList + goodParams,
		"label of another":        "sig2=" + goodList + goodParams,
		"space before":            " sig1=" + goodList + goodParams,
		"space after":             "sig1=" + goodList + goodParams + " ",
		"space around =":          "sig1 = " + goodList + goodParams,
		"space after ;":           param(";nonce", "; nonce"),
		"two spaces":              list(`  "content-type")`),
		"tab":                     list("\t" + `"content-type")`),
		"space in the list":       list(` )`),
		"two signatures":          "sig1=" + goodList + goodParams + ", sig2=" + goodList + goodParams,
		"comma":                   "sig1=" + goodList + goodParams + ",",
		"no list":                 "sig1=" + goodParams,
		"true in place of a list": "sig1" + goodParams,
		"empty list":              "sig1=()" + goodParams,
		"no method":               `sig1=("@target-uri" "content-digest")` + goodParams,
		"no target":               `sig1=("@method" "content-digest")` + goodParams,
		"no digest":               `sig1=("@method" "@target-uri" "content-type")` + goodParams,
		"another order":           `sig1=("@target-uri" "@method" "content-digest")` + goodParams,
		"digest later":            `sig1=("@method" "@target-uri" "content-type" "content-digest")` + goodParams,
		"digest twice":            list(` "content-digest")`),
		"method twice":            list(` "@method")`),
		"derived component":       list(` "@authority")`),
		"unknown component":       list(` "@body")`),
		"headers out of order":    list(` "mcp-name" "mcp-method")`),
		"header twice":            list(` "mcp-name" "mcp-name")`),
		"upper-case header":       list(` "Mcp-Name")`),
		"header with a parameter": list(` "mcp-name";sf)`),
		"header without quotes":   list(` mcp-name)`),
		"header with an escape":   list(` "mcp\-name")`),
		"header with a space":     list(` "mcp name")`),
		"empty header":            list(` "")`),
		"quote that does not end": list(` "mcp-name)`),
		"list that does not end":  list(` "mcp-name"`),
		"method with a parameter": `sig1=("@method";req "@target-uri" "content-digest")` + goodParams,
		"no parameters":           "sig1=" + goodList,
		"no created":              param(";created=1790000000", ""),
		"no nonce":                param(`;nonce="0123456789abcdef"`, ""),
		"no keyid":                param(`;keyid="k_1"`, ""),
		"no alg":                  param(`;alg="hmac-sha256"`, ""),
		"no tag":                  param(`;tag="doorward"`, ""),
		"expires":                 param(";created=1790000000", ";created=1790000000;expires=1790000300"),
		"unknown parameter":       param(";tag", ";x=1;tag"),
		"flag":                    param(";tag", ";x;tag"),
		"parameter twice":         param(";tag", `;keyid="k_1";tag`),
		"created in quotes":       param("1790000000", `"1790000000"`),
		"created as a fraction":   param("1790000000", "1790000000.0"),
		"created negative":        param("1790000000", "-1790000000"),
		"created with a sign":     param("1790000000", "+1790000000"),
		"created with a zero":     param("1790000000", "01790000000"),
		"created zero":            param("1790000000", "0"),
		"created empty":           param("1790000000", ""),
		"created as a date":       param("1790000000", "@1790000000"),
		"created in milliseconds": param("1790000000", "1790000000000"),
		"created beyond int64":    param("1790000000", "99999999999999999999"),
		"nonce empty":             param("0123456789abcdef", ""),
		"nonce short":             param("0123456789abcdef", "0123456789abcde"),
		"nonce long":              param("0123456789abcdef", strings.Repeat("x", 129)),
		"nonce of 10 KiB":         param("0123456789abcdef", strings.Repeat("x", 10<<10)),
		"nonce with a NUL":        param("0123456789abcdef", "0123456789abcdef\x00"),
		"nonce beyond ASCII":      param("0123456789abcdef", "0123456789abcdefé"),
		"nonce with =":            param("0123456789abcdef", "0123456789abcdef=="),
		"nonce without quotes":    param(`"0123456789abcdef"`, "0123456789abcdef"),
		"nonce as bytes":          param(`"0123456789abcdef"`, ":MDEyMzQ1Njc4OWFiY2RlZg==:"),
		"nonce with an escape":    param("0123456789abcdef", `0123456789abcde\"`),
		"keyid empty":             param("k_1", ""),
		"keyid with a space":      param("k_1", "k_1 "),
		"keyid long":              param("k_1", strings.Repeat("k", 65)),
		"another algorithm":       param("hmac-sha256", "hmac-sha512"),
		"algorithm in upper case": param("hmac-sha256", "HMAC-SHA256"),
		"algorithm none":          param("hmac-sha256", "none"),
		"another tag":             param(`"doorward"`, `"webauthz"`),
		"beyond its bound":        list(` "` + strings.Repeat("x", 4<<10) + `")`),
	} {
		t.Run(name, func(t *testing.T) {
			refuses(t, headers(input, "sig1="+goodBytes, "sha-256="+goodBytes))
		})
	}
}

func TestParseRefusesAnotherSignatureOrDigest(t *testing.T) {
	input := "sig1=" + goodList + goodParams
	for name, bytes := range map[string]string{
		"empty":                 "",
		"no colons":             strings.Trim(goodBytes, ":"),
		"in quotes":             `"` + strings.Trim(goodBytes, ":") + `"`,
		"no padding":            strings.Replace(goodBytes, "=", "", 1),
		"31 bytes":              ":47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==:",
		"33 bytes":              ":47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFVV:",
		"bits behind the end":   strings.Replace(goodBytes, "FU=", "FV=", 1),
		"URL alphabet":          strings.NewReplacer("+", "-", "/", "_").Replace(goodBytes),
		"new line inside":       goodBytes[:10] + "\n" + goodBytes[11:],
		"space inside":          goodBytes[:10] + " " + goodBytes[11:],
		"space after":           goodBytes + " ",
		"parameter":             goodBytes + ";x",
		"colon missing":         goodBytes[:len(goodBytes)-1] + "=",
		"another member":        goodBytes + ", b=" + goodBytes,
		"another member before": goodBytes + ",",
		"beyond its bound":      ":" + strings.Repeat("A", 5<<10) + ":",
	} {
		t.Run(name, func(t *testing.T) {
			refuses(t, headers(input, "sig1="+bytes, "sha-256="+goodBytes))
			refuses(t, headers(input, "sig1="+goodBytes, "sha-256="+bytes))
		})
	}
	for name, h := range map[string]http.Header{
		"another label":       headers(input, "sig2="+goodBytes, "sha-256="+goodBytes),
		"sha-512":             headers(input, "sig1="+goodBytes, "sha-512="+goodBytes),
		"SHA-256":             headers(input, "sig1="+goodBytes, "SHA-256="+goodBytes),
		"two digests":         headers(input, "sig1="+goodBytes, "sha-256="+goodBytes+", sha-256="+goodBytes),
		"no headers":          {},
		"no Signature":        {"Signature-Input": {input}, "Content-Digest": {"sha-256=" + goodBytes}},
		"no Signature-Input":  {"Signature": {"sig1=" + goodBytes}, "Content-Digest": {"sha-256=" + goodBytes}},
		"no Content-Digest":   {"Signature-Input": {input}, "Signature": {"sig1=" + goodBytes}},
		"Signature, two":      {"Signature-Input": {input}, "Signature": {"sig1=" + goodBytes, "sig1=" + goodBytes}, "Content-Digest": {"sha-256=" + goodBytes}},
		"Signature-Input, 2":  {"Signature-Input": {input, input}, "Signature": {"sig1=" + goodBytes}, "Content-Digest": {"sha-256=" + goodBytes}},
		"Content-Digest, two": {"Signature-Input": {input}, "Signature": {"sig1=" + goodBytes}, "Content-Digest": {"sha-256=" + goodBytes, "sha-256=" + goodBytes}},
		"two cases":           {"Signature-Input": {input}, "Signature": {"sig1=" + goodBytes}, "signature": {"sig1=" + goodBytes}, "Content-Digest": {"sha-256=" + goodBytes}},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, h) })
	}
}

// refuses also looks that the error quotes nothing: it goes into logs, and maybe
// to the client.
func refuses(t *testing.T, h http.Header) {
	t.Helper()
	in, err := httpsig.Parse(h)
	if in != nil || !errors.Is(err, httpsig.ErrForm) {
		t.Errorf("Parse = %+v, %v", in, err)
	}
	if err != nil && (strings.Contains(err.Error(), "0123456789") || strings.Contains(err.Error(), "47DEQ") || len(err.Error()) > 200) {
		t.Errorf("quotes: %v", err)
	}
}

func TestPresent(t *testing.T) {
	for name, want := range map[string]bool{
		"Signature": true, "Signature-Input": true, "signature": true, "SIGNATURE-INPUT": true,
		"Content-Digest": false, "X-Signature": false, "Accept": false,
	} {
		if got := httpsig.Present(http.Header{name: {""}}); got != want {
			t.Errorf("Present(%s) = %v", name, got)
		}
	}
}
