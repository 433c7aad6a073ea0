package mcp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

func TestCheckParams(t *testing.T) {
	region := []mcp.HeaderParam{{Name: "Region", Path: []string{"region"}, Type: "string"}}
	count := []mcp.HeaderParam{{Name: "Count", Path: []string{"n"}, Type: "integer"}}
	dry := []mcp.HeaderParam{{Name: "Dry", Path: []string{"opts", "dry"}, Type: "boolean"}}
	for _, tc := range []struct {
		name   string
		params []mcp.HeaderParam
		args   string
		header []string
		want   gate.Code
	}{
		{"MHB-07 agree", region, `{"region":"eu"}`, []string{"Mcp-Param-Region", "eu"}, fine},
		{"MHB-07 name in any case", region, `{"region":"eu"}`, []string{"mcp-param-region", "eu"}, fine},
		{"MHB-07 differ", region, `{"region":"eu"}`, []string{"Mcp-Param-Region", "us"}, bad},
		{"MHB-07 header absent", region, `{"region":"eu"}`, nil, bad},
		{"MHB-07 value absent", region, `{}`, []string{"Mcp-Param-Region", "eu"}, bad},
		{"MHB-07 value absent, header empty", region, `{}`, []string{"Mcp-Param-Region", ""}, bad},
		{"MHB-07 value null", region, `{"region":null}`, []string{"Mcp-Param-Region", "null"}, bad},
		{"MHB-07 both absent", region, `{"region":null}`, nil, fine},
		{"MHB-07 no arguments", region, ``, nil, fine},
		{"MHB-07 unknown is ignored", region, `{"region":"eu"}`, []string{"Mcp-Param-Region", "eu", "Mcp-Param-Zzz", "1"}, fine},
		{"MHB-07 twice", region, `{"region":"eu"}`, []string{"Mcp-Param-Region", "eu", "Mcp-Param-Region", "eu"}, bad},
		{"empty text", region, `{"region":""}`, []string{"Mcp-Param-Region", ""}, fine},
		{"encoded with a line break", region, `{"region":"a\nb"}`, []string{"Mcp-Param-Region", "=?base64?YQpi?="}, fine},
		{"escapes in the body", region, `{"region":"\u0065u"}`, []string{"Mcp-Param-Region", "eu"}, fine},
		{"number for a string", region, `{"region":1}`, []string{"Mcp-Param-Region", "1"}, bad},
		{"MHB-08 same", count, `{"n":42}`, []string{"Mcp-Param-Count", "42"}, fine},
		{"MHB-08 42.0", count, `{"n":42}`, []string{"Mcp-Param-Count", "42.0"}, fine},
		{"MHB-08 4.2e1", count, `{"n":4.2e1}`, []string{"Mcp-Param-Count", "42"}, fine},
		{"MHB-08 042", count, `{"n":42}`, []string{"Mcp-Param-Count", "042"}, bad},
		{"MHB-08 +42", count, `{"n":42}`, []string{"Mcp-Param-Count", "+42"}, bad},
		{"MHB-08 0x2a", count, `{"n":42}`, []string{"Mcp-Param-Count", "0x2a"}, bad},
		{"MHB-08 −0", count, `{"n":0}`, []string{"Mcp-Param-Count", "-0"}, fine},
		{"MHB-08 largest", count, `{"n":9007199254740991}`, []string{"Mcp-Param-Count", "9007199254740991"}, fine},
		{"MHB-08 smallest", count, `{"n":-9007199254740991}`, []string{"Mcp-Param-Count", "-9007199254740991"}, fine},
		{"MHB-08 beyond", count, `{"n":9007199254740993}`, []string{"Mcp-Param-Count", "9007199254740993"}, bad},
		{"MHB-08 beyond, rounded", count, `{"n":9007199254740993}`, []string{"Mcp-Param-Count", "9007199254740992"}, bad},
		{"MHB-08 almost", count, `{"n":42}`, []string{"Mcp-Param-Count", "42.00000000000000000001"}, bad},
		{"MHB-08 huge exponent", count, `{"n":1}`, []string{"Mcp-Param-Count", "1e999999999"}, bad},
		{"MHB-08 sign", count, `{"n":42}`, []string{"Mcp-Param-Count", "-42"}, bad},
		{"boolean", dry, `{"opts":{"dry":true}}`, []string{"Mcp-Param-Dry", "true"}, fine},
		{"boolean differs", dry, `{"opts":{"dry":true}}`, []string{"Mcp-Param-Dry", "false"}, bad},
		{"boolean in other case", dry, `{"opts":{"dry":true}}`, []string{"Mcp-Param-Dry", "True"}, bad},
		{"parent is no object", dry, `{"opts":[true]}`, []string{"Mcp-Param-Dry", "true"}, bad},
		{"parent absent", dry, `{}`, nil, fine},
	} {
		t.Run(tc.name, func(t *testing.T) {
			check(t, mcp.CheckParams(headers(tc.header...), tc.params, []byte(tc.args)), tc.want)
		})
	}
}

func TestParamHeaders(t *testing.T) {
	params := []mcp.HeaderParam{
		{Name: "Region", Path: []string{"region"}, Type: "string"},
		{Name: "N", Path: []string{"n"}, Type: "integer"},
		{Name: "Big", Path: []string{"big"}, Type: "integer"},
		{Name: "Dry", Path: []string{"o", "dry"}, Type: "boolean"},
		{Name: "Gone", Path: []string{"gone"}, Type: "string"},
	}
	args := []byte(`{"region":"Zürich","n":4.2e1,"big":9007199254740993,"o":{"dry":false},"gone":null}`)
	got := mcp.ParamHeaders(params, args)
	want := [][2]string{{"Mcp-Param-Region", "=?base64?WsO8cmljaA==?="}, {"Mcp-Param-N", "42"}, {"Mcp-Param-Dry", "false"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var pairs []string
	for _, h := range got {
		pairs = append(pairs, h[0], h[1])
	}
	check(t, mcp.CheckParams(headers(pairs...), append(params[:2:2], params[3:]...), args), fine)
}

func TestHeaderParams(t *testing.T) {
	for _, tc := range []struct{ name, schema, want string }{
		{"none", `{"type":"object","properties":{"a":{"type":"string"}}}`, ""},
		{"MHB-12 empty", `{"properties":{"a":{"type":"string","x-mcp-header":""}}}`, "text"},
		{"MHB-12 space", `{"properties":{"a":{"type":"string","x-mcp-header":"A B"}}}`, "header name"},
		{"MHB-12 line break", `{"properties":{"a":{"type":"string","x-mcp-header":"A\r\nB"}}}`, "header name"},
		{"MHB-12 not a string", `{"properties":{"a":{"type":"string","x-mcp-header":true}}}`, "text"},
		{"MHB-12 twice", `{"properties":{"a":{"type":"string","x-mcp-header":"Region"},"b":{"type":"string","x-mcp-header":"region"}}}`, "same as"},
		{"MHB-12 on a number", `{"properties":{"a":{"type":"number","x-mcp-header":"A"}}}`, "no string"},
		{"MHB-12 on an object", `{"properties":{"a":{"type":"object","x-mcp-header":"A"}}}`, "no string"},
		{"MHB-12 no type", `{"properties":{"a":{"x-mcp-header":"A"}}}`, "no string"},
		{"MHB-12 under items", `{"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}`, "properties alone"},
		{"MHB-12 properties under items", `{"properties":{"a":{"items":{"properties":{"b":{"type":"string","x-mcp-header":"A"}}}}}}`, "properties alone"},
		{"MHB-12 under oneOf", `{"oneOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}`, "properties alone"},
		{"MHB-12 in $defs", `{"properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"type":"string","x-mcp-header":"A"}}}`, "properties alone"},
		{"MHB-12 beside $ref", `{"properties":{"a":{"type":"string","$ref":"#/$defs/b","x-mcp-header":"A"}}}`, "properties alone"},
		{"MHB-12 at the root", `{"type":"string","x-mcp-header":"A"}`, "properties alone"},
		{"MHB-13 Authorization", `{"properties":{"a":{"type":"string","x-mcp-header":"authorization"}}}`, "meaning of its own"},
		{"MHB-13 Host", `{"properties":{"a":{"type":"string","x-mcp-header":"Host"}}}`, "meaning of its own"},
		{"MHB-13 Mcp-Name", `{"properties":{"a":{"type":"string","x-mcp-header":"Mcp-Name"}}}`, "meaning of its own"},
		{"MHB-13 Mcp_Name", `{"properties":{"a":{"type":"string","x-mcp-header":"mcp_name"}}}`, "meaning of its own"},
		{"MHB-13 password", `{"properties":{"password":{"type":"string","x-mcp-header":"P"}}}`, "secret"},
		{"a property of that name", `{"properties":{"x-mcp-header":{"type":"string"}}}`, ""},
		{"data that looks like it", `{"properties":{"a":{"type":"object","default":{"x-mcp-header":""}}}}`, ""},
		{"boolean schema", `{"properties":{"a":true}}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := mcp.HeaderParams([]byte(tc.schema))
			switch {
			case tc.want == "" && (err != nil || len(got) != 0):
				t.Errorf("got %v, %v", got, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
	got, err := mcp.HeaderParams([]byte(`{"type":"object","properties":{
		"region":{"type":"string","x-mcp-header":"Region"},
		"o":{"type":"object","oneOf":[{"required":["n"]}],"properties":{"n":{"x-mcp-header":"my_n","type":"integer"}}}}}`))
	want := []mcp.HeaderParam{{"Region", []string{"region"}, "string"}, {"my_n", []string{"o", "n"}, "integer"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
}
