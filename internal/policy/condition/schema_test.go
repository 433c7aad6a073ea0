package condition_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const toolSchema = `{
	"type": "object",
	"properties": {
		"owner": {"type": "string"}, "count": {"type": "integer"}, "draft": {"type": ["boolean", "null"]}, "any": {},
		"labels": {"type": "array", "items": {"type": "string"}},
		"file": {"$ref": "#/$defs/file"}, "files": {"type": "array", "items": {"$ref": "#/$defs/file"}},
		"free": {"type": "object"}, "open": {"type": "object", "properties": {"a": {}}, "additionalProperties": true},
		"closed": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false},
		"either": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"id": {"type": "integer"}}}]},
		"one": {"type": "object", "properties": {"kind": {"type": "string"}}, "oneOf": [{"properties": {"x": {"type": "string"}}}, {"properties": {"y": {"type": "string"}}}]},
		"both": {"allOf": [{"$ref": "#/$defs/file"}, {"type": "object", "properties": {"more": {"type": "boolean"}}}]},
		"outside": {"$ref": "https://example.com/schema"}, "loop": {"$ref": "#/$defs/loop"}, "per-page": {"type": "integer"}
	},
	"$defs": {
		"file": {"type": "object", "properties": {"path": {"type": "string"}, "size": {"type": "integer"}}},
		"loop": {"anyOf": [{"$ref": "#/$defs/loop"}, {"$ref": "#/$defs/loop"}]}
	}
}`

func TestCheckArgs(t *testing.T) {
	for _, tc := range []struct {
		source string
		want   []string
	}{
		{`args.owner == principal.tenant && args.count < 3 && args["per-page"] <= 100`, nil},
		{`args.ower == principal.tenant`, []string{"args.ower is read, and the tool has no such parameter"}},
		{`has(args.ower) && args["ower"] == "x"`, []string{"args.ower is read, and the tool has no such parameter"}},
		{`"ower" in args`, []string{"args.ower is read, and the tool has no such parameter"}},
		{`args.owner == 3`, []string{"args.owner is compared with a number, which the schema rules out"}},
		{`"3" == args.count`, []string{"args.count is compared with a string, which the schema rules out"}},
		{`args.count == 3.5 && args.draft == null && args.draft == true`, nil},
		{`args.draft == "yes"`, []string{"args.draft is compared with a string, which the schema rules out"}},
		{`args.count in ["1", "2"]`, []string{"args.count is compared with a string, which the schema rules out"}},
		{`args.count.startsWith("a")`, []string{"args.count is compared with a string, which the schema rules out"}},
		{`under("/srv", args.labels)`, []string{"args.labels is compared with a string, which the schema rules out"}},
		{`args.labels.all(l, l == "bug") && "bug" in args.labels && args.labels[0] == "x"`, nil},
		{`args.labels.all(l, l == 1)`, []string{"args.labels[] is compared with a number, which the schema rules out"}},
		{`args.owner.x == 1`, []string{"args.owner is read as an object, which the schema rules out"}},
		{`args.file.path == "x" && args.files.exists(f, f.size > 3) && args.files[0].path == "x"`, nil},
		{`args.file.name == "x"`, []string{"args.file.name is read, and the tool has no such parameter"}},
		{`args.files.exists(f, f.name == "x")`, []string{"args.files[].name is read, and the tool has no such parameter"}},
		{`args.files.all(f, args.labels.all(f, f == "x"))`, nil},
		{`args.free.x == 1 && args.open.z == 1 && args.any.x == 1 && args.any == 1`, nil},
		{`args.closed.b == 1`, []string{"args.closed.b is read, and the tool has no such parameter"}},
		{`args.either == "x" || args.either.id == 3`, nil},
		{`args.either == 3`, []string{"args.either is compared with a number, which the schema rules out"}},
		{`args.either.name == "x"`, []string{"args.either.name is read, and the tool has no such parameter"}},
		{`args.one.x == "a" || args.one.y == "a" || args.one.kind == "k"`, nil},
		{`args.one.z == "a"`, []string{"args.one.z is read, and the tool has no such parameter"}},
		{`args.both.path == "x" && args.both.more`, nil},
		{`args.both.less`, []string{"args.both.less is read, and the tool has no such parameter"}},
		{`args.outside.x == 1 && args.loop.x == 1 && args.loop == 3`, nil},
		{`tool == "x"`, nil},
	} {
		t.Run(tc.source, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, compile(t, tc.source).CheckArgs([]byte(toolSchema))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckArgsOfOddSchemas(t *testing.T) {
	p := compile(t, `args.owner == "x"`)
	missing := []string{"args.owner is read, and the tool has no such parameter"}
	unreadable := []string{"the tool's schema cannot be read: it is malformed, too large or too deep"}
	for _, tc := range []struct {
		name, schema string
		want         []string
	}{
		{"none", ``, nil},
		{"takes nothing", `{"type":"object"}`, missing},
		{"takes nothing, in words", `{"type":"object","properties":{},"additionalProperties":false}`, missing},
		{"takes anything", `{"type":"object","additionalProperties":{"type":"string"}}`, nil},
		{"by pattern", `{"type":"object","patternProperties":{"^o":{}}}`, nil},
		{"refers to itself", `{"$ref":"#"}`, nil},
		{"is of itself", `{"allOf":[{"$ref":"#"}]}`, nil},
		{"doubles", `{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"},{"$ref":"#/$defs/b"}]},"b":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}`, nil},
		{"malformed", `{"type":`, unreadable},
		{"no object", `true`, unreadable},
		{"too deep", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), unreadable},
		{"too large", `{"a":"` + strings.Repeat("a", 300<<10) + `"}`, unreadable},
		{"odd words", `{"type":3,"properties":[],"anyOf":{},"allOf":[3],"items":7}`, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, p.CheckArgs([]byte(tc.schema))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
