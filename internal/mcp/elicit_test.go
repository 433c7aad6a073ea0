package mcp_test

import (
	"strconv"
	"strings"
	"testing"

	"doorward/internal/mcp"
)

const asking = `{"elicitation":{"form":{},"url":{}}}`

// judged tells whether an elicitation passes, as a request and in a result that
// asks for input, which must agree (security case MHB-15).
func judged(t *testing.T, params string) bool {
	t.Helper()
	may := mcp.MayAsk([]byte(asking), "elicitation/create", []byte(params))
	r, _ := mcp.Lookup("tools/call")
	m := upstream(t, result(`{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":`+params+`}}}`))
	if why := mcp.CheckResult(r, m, []byte(asking)); (why == "") != may {
		t.Errorf("%s: MayAsk says %v, CheckResult %q", params, may, why)
	}
	return may
}

func TestURLToVisit(t *testing.T) {
	for url, want := range map[string]bool{
		"https://example.com":                       true,
		"HTTPS://example.com/a?b=c%20d#e":           true,
		"https://example.com:8443/?redirect=http:x": true,
		"https://[2001:db8::1]/":                    true,
		"http://localhost:8080/callback":            true,
		"http://LocalHost/":                         true,
		"http://127.0.0.1:1/":                       true,
		"http://127.255.255.254/":                   true,
		"http://[::1]:8080/":                        true,

		"http://example.com/":             false,
		"http://localhost.example/":       false,
		"http://127.0.0.1.example/":       false,
		"http://0.0.0.0/":                 false,
		"http://127.1/":                   false,
		"http://2130706433/":              false,
		"http://[::ffff:192.0.2.1]/":      false,
		"javascript:alert(1)":             false,
		"JavaScript://example.com/%0aa()": false,
		"data:text/html,x":                false,
		"file:///etc/passwd":              false,
		"vscode://x/y":                    false,
		"ftp://example.com/":              false,
		"//example.com/":                  false,
		"example.com":                     false,
		"":                                false,
		"https:":                          false,
		"https://":                        false,
		"https:///path":                   false,
		"https://:443/":                   false,
		"https:example.com":               false,
		"https://a@example.com/":          false,
		"https://bank.example:x@evil.com": false,
		"https://@example.com/":           false,
		"http://localhost@example.com/":   false,
		" https://example.com/":           false,
		"https://example.com/ a":          false,
		"https://example.com/\n":          false,
		"https://example.com\\@evil.com/": false,
		"https://example.com/\\..":        false,
		"https://ex\u00e4mple.com/":       false,
		"https://example.com/\u202egpj":   false,
		"https://example.com/%zz":         false,
		"https://exa%00mple.com/":         false,
		"https://example.com:port/":       false,
		"https://example.com/" + strings.Repeat("a", 8<<10): false,
	} {
		if got := judged(t, `{"mode":"url","message":"m","url":`+quoted(url)+`}`); got != want {
			t.Errorf("%q: %v", url, got)
		}
	}
	for _, params := range []string{
		`{"mode":"url"}`, `{"mode":"url","url":1}`, `{"mode":"url","url":null}`, `{"mode":"url","url":["https://example.com"]}`,
		`{"mode":"url","url":"https://example.com/","URL":"javascript:x"}`, `{"mode":"url","url":"https://example.com/","u\uff52l":"x"}`,
		`{"message":"m","RequestedSchema":{"properties":{"password":{}}}}`,
		`{"message":"m","url":"https://example.com/","requestedSchema":{"type":"object","properties":{}}}`,
		`{"mode":"form","message":"m","url":"https://example.com/"}`, `{"mode":"form","url":null}`, `{"url":"javascript:x"}`,
	} {
		if judged(t, params) {
			t.Errorf("%s may be asked", params)
		}
	}
}

// quoted is s as a JSON string.
func quoted(s string) string { return strings.ReplaceAll(strconv.Quote(s), `\x`, `\u00`) }

func TestFormForSecret(t *testing.T) {
	form := func(properties string) string { return `{"type":"object","properties":` + properties + `}` }
	for schema, want := range map[string]bool{
		form(`{"name":{"type":"string"},"email":{"type":"string","format":"email"},"count":{"type":"integer"}}`): true,
		form(`{}`): true,
		form(`{"author":{"type":"string","title":"Author","description":"not your password"}}`):                           true,
		form(`{"usePassword":{"type":"boolean","title":"Use a password"}}`):                                               true,
		form(`{"format":{"type":"string","enum":["password"]},"title":{"type":"string"},"properties":{"type":"string"}}`): true,
		form(`{"tokens":{"type":"integer"}}`):                                                                             true,

		form(`{"shipping":{"type":"string"},"opinion":{"type":"string"},"spin":{"type":"string"},"pins":{"type":"string"},"classname":{"type":"string"},"cardnumbers":{"type":"integer"}}`): true,
		form(`{"pin":{"type":"boolean"}}`): true,

		form(`{"pwd":{"type":"string"}}`):                                                                     false,
		form(`{"PIN":{"type":"integer"}}`):                                                                    false,
		form(`{"PIN code":{"type":"string"}}`):                                                                false,
		form(`{"otp":{"type":"string"}}`):                                                                     false,
		form(`{"one-time password":{"type":"string"}}`):                                                       false,
		form(`{"cvv2":{"type":"string"}}`):                                                                    false,
		form(`{"CVC":{"type":"string"}}`):                                                                     false,
		form(`{"x":{"type":"string","title":"Card number"}}`):                                                 false,
		form(`{"creditCardNumber":{"type":"string"}}`):                                                        false,
		form(`{"ssn":{"type":"string"}}`):                                                                     false,
		form(`{"Social Security Number":{"type":"string"}}`):                                                  false,
		form(`{"Passwort":{"type":"string"}}`):                                                                false,
		form(`{"kennwort":{"type":"string"}}`):                                                                false,
		form(`{"contrasena":{"type":"string"}}`):                                                              false,
		form(`{"contraseña":{"type":"string"}}`):                                                              false,
		form(`{"contrasen\u0303a":{"type":"string"}}`):                                                        false,
		form(`{"password":{"type":"string"}}`):                                                                false,
		form(`{"Pass_Word":{"type":"string"}}`):                                                               false,
		form(`{"new-password":{"type":"string"}}`):                                                            false,
		form(`{"password2":{"type":"string"}}`):                                                               false,
		form(`{"passwordConfirmation":{"type":"string"}}`):                                                    false,
		form(`{"github_token":{"type":"string"}}`):                                                            false,
		form(`{"API key":{"type":"string"}}`):                                                                 false,
		form(`{"aws.secretAccessKey":{"type":"string"}}`):                                                     false,
		form(`{"client\u005fsecret":{"type":"string"}}`):                                                      false,
		form(`{"\uff50assword":{"type":"string"}}`):                                                           false,
		form(`{"pass\u200bword":{"type":"string"}}`):                                                          false,
		form(`{"x":{"type":"string","title":"Your password"}}`):                                               false,
		form(`{"x":{"type":"string","format":"password"}}`):                                                   false,
		form(`{"x":{"type":"string","format":"Password"}}`):                                                   false,
		form(`{"password":{}}`):                                                                               false,
		form(`{"password":true}`):                                                                             false,
		form(`{"x":true}`):                                                                                    false,
		form(`{"format":"password"}`):                                                                         false,
		form(`{"x":{"type":"object","properties":{"y":{"type":"object","properties":{"token":{}}}}}}`):        false,
		form(`{"x":{"anyOf":[{"type":"string"},{"type":"string","format":"password"}]}}`):                     false,
		`{"type":"object","allOf":[{"properties":{"secret":{"type":"string"}}}]}`:                             false,
		`{"type":"object","patternProperties":{"^x":{"format":"password"}},"$defs":{"a":{"type":"boolean"}}}`: false,
		`true`: false,
		`null`: false,
		`[]`:   false,
	} {
		for _, mode := range []string{"", `"mode":"form",`} {
			if got := judged(t, `{`+mode+`"message":"m","requestedSchema":`+schema+`}`); got != want {
				t.Errorf("%s%s: %v", mode, schema, got)
			}
		}
	}
}

// A client that answers inputRequests whatever the resultType is must not get
// any that were not judged.
func TestQuestionsInCompleteResult(t *testing.T) {
	r, _ := mcp.Lookup("tools/call")
	for body, want := range map[string]bool{
		`{"resultType":"complete"}`: true,
		`{}`:                        true,
		`{"inputRequests":null}`:    true,
		`{"inputRequests":{"a":{"method":"roots/list"}}}`:                                     false,
		`{"resultType":"complete","inputRequests":{"a":{"method":"sampling/createMessage"}}}`: false,
		`{"resultType":"complete","inputRequests":{}}`:                                        false,
		`{"resultType":1}`:      false,
		`{"resultType":"task"}`: false,
	} {
		if why := mcp.CheckResult(r, upstream(t, result(body)), []byte(`{"roots":{},"sampling":{}}`)); (why == "") != want {
			t.Errorf("%s: %q", body, why)
		}
	}
}

// Properties: a form that may be asked says nowhere that a field is a password;
// a URL that may be visited begins like one of HTTP; judging ends for every input.
func FuzzElicitation(f *testing.F) {
	f.Add([]byte(`{"mode":"url","url":"https://a@b/"}`))
	f.Add([]byte(`{"requestedSchema":{"properties":{"a":{"format":"password"}}}}`))
	f.Add([]byte(`{"requestedSchema":{"type":["object",[]],"properties":{"a":[{}]}}}`))
	f.Fuzz(func(t *testing.T, params []byte) {
		m, err := mcp.ParseUpstream([]byte(`{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":` + string(params) + `}`))
		if err != nil || m.Method != "elicitation/create" {
			return
		}
		may := mcp.MayAsk([]byte(asking), m.Method, m.Bytes(m.Params))
		if at, ok := m.Field("mode"); ok && may && string(m.Bytes(at)) == `"url"` {
			url, _ := m.Field("url")
			if text := strings.ToLower(string(m.Bytes(url))); !strings.HasPrefix(text, `"http`) && !strings.Contains(text, `\`) {
				t.Fatalf("%s may be asked", params)
			}
		}
		if at, ok := m.Field("requestedSchema"); ok && may && strings.Contains(string(m.Bytes(at)), `"format":"password"`) {
			if mode, url := m.Field("mode"); !url || string(m.Bytes(mode)) == `"form"` {
				t.Fatalf("%s may be asked", params)
			}
		}
	})
}
