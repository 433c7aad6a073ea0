package inspect_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect"
)

const (
	ofAcme   = "org_acme_7f3kq29x"
	ofGlobex = "tenant-id: 0194-GLOBEX"
)

// TEN-09: a text that is one tenant's alone is refused to everybody else, wherever it
// stands in an answer and however it is written, and is told of; its own tenant has it.
func TestTEN09_Markers(t *testing.T) {
	markers, err := inspect.NewMarkers(map[string][]string{"acme": {ofAcme, "acme.internal.example"}, "globex": {ofGlobex}})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	c := defaults()
	c.Results = inspect.Results{Injection: gate.Allow, Secrets: gate.Allow, Personal: gate.Allow}
	c.Markers = markers
	c.Foreign = func(_ context.Context, _ *gate.Exchange, tenant string, f gate.Finding) error {
		told = append(told, tenant+" "+f.Rule)
		return nil
	}
	s := inspect.New(c)
	half := len(ofGlobex) / 2
	for name, raw := range map[string]string{
		"plain": `"content":[{"type":"text","text":"of ` + ofGlobex + `."}]`, "upper case": `"content":[{"type":"text","text":"` + strings.ToUpper(ofGlobex) + `"}]`,
		"base64":   `"content":[{"type":"text","text":"` + base64.StdEncoding.EncodeToString([]byte("x"+ofGlobex)) + `"}]`,
		"hex":      `"content":[{"type":"text","text":"` + hex.EncodeToString([]byte(ofGlobex)) + `"}]`,
		"escaped":  `"content":[{"type":"text","text":"tenant\u002did: 0194-GLOBEX"}]`,
		"cut":      `"content":[{"type":"text","text":"` + ofGlobex[:half] + `"},{"type":"text","text":"` + ofGlobex[half:] + `"}]`,
		"deep":     `"content":[],"structuredContent":{"a":[{"b":"` + ofGlobex + `"}]}`,
		"a name":   `"content":[],"structuredContent":{"` + ofGlobex + `":1}`,
		"a URI":    `"content":[{"type":"resource_link","uri":"x://` + strings.ReplaceAll(ofGlobex, " ", "") + `","name":"n"}]`,
		"metadata": `"content":[],"_meta":{"x":"` + ofGlobex + `"}`,
		"a blob":   `"contents":[{"uri":"a:b","blob":"` + base64.StdEncoding.EncodeToString([]byte("rows of "+ofGlobex)) + `"}]`,
	} {
		for tenant, passes := range map[string]bool{"globex": true, "acme": false, "": false, "Globex": false} {
			ex := call(t, "t", `{}`)
			ex.Principal = &gate.Principal{Subject: "alice", Tenant: tenant}
			told = nil
			_, v, err := s.Review(t.Context(), ex, result(t, `{`+raw+`}`))
			if err != nil || (v.Effect == gate.Continue) != passes || !passes && v.Code != gate.CodeResultRefused {
				t.Errorf("%s to %q: %+v, %v", name, tenant, v, err)
			}
			if !passes && (!slices.Equal(told, []string{"globex tenant.marker"}) || strings.Contains(v.Public, "globex") || strings.Contains(v.Reason+v.Public, ofGlobex)) || passes && told != nil {
				t.Errorf("%s to %q: told of %q, and the client %+v", name, tenant, told, v)
			}
			if seen := slices.ContainsFunc(ex.Findings, func(f gate.Finding) bool { return f.Rule == "tenant.marker" }); seen == passes {
				t.Errorf("%s to %q: on record %+v", name, tenant, ex.Findings)
			}
		}
	}
	for _, raw := range []string{
		`{"jsonrpc":"2.0","id":"x","error":{"code":-32000,"message":"` + ofGlobex + `"}}`,
		`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"` + ofGlobex + `"}}`,
		`{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"` + ofGlobex + `","requestedSchema":{"type":"object","properties":{}}}}`,
	} {
		if _, v, err := s.Review(t.Context(), call(t, "t", `{}`), upstream(t, raw)); err != nil || v.Code != gate.CodeResultRefused {
			t.Errorf("to nobody known, %.60s: %+v, %v", raw, v, err)
		}
	}
	c.Foreign = func(context.Context, *gate.Exchange, string, gate.Finding) error { return errors.New("no record") }
	if _, v, err := inspect.New(c).Review(t.Context(), call(t, "t", `{}`), result(t, `{"content":[{"type":"text","text":"`+ofAcme+`"}]}`)); err == nil || v.Effect == gate.Continue {
		t.Errorf("what cannot be told of: %+v, %v", v, err)
	}
}
