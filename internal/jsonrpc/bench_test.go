package jsonrpc_test

import (
	"fmt"
	"strings"
	"testing"

	"doorward/internal/jsonrpc"
)

const small = `{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"name":"search","arguments":` +
	`{"query":"weather in Bern","limit":10},"_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`

// large returns a tools/call result of about 1 MB: records as a tool would list them, or one long text.
func large(text bool) []byte {
	if text {
		line := strings.Repeat("All work and no play makes Jack a dull boy. ", 2) + `\n`
		return []byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"` +
			strings.Repeat(line, 1<<20/len(line)) + `"}]}}`)
	}
	var b strings.Builder
	b.WriteString(`{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"rows":[`)
	for i := 0; b.Len() < 1<<20; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"record %d","price":%d.25,"tags":["a","b"],"note":"a \"quoted\" word"}`, i, i, i)
	}
	b.WriteString(`]}}}`)
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	for _, bc := range []struct {
		name string
		raw  []byte
	}{
		{"small", []byte(small)},
		{"records", large(false)},
		{"text", large(true)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.SetBytes(int64(len(bc.raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jsonrpc.Parse(bc.raw, jsonrpc.UpstreamLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPatch(b *testing.B) {
	m := mustParse(b, small)
	b.ReportAllocs()
	for b.Loop() {
		p := m.Patch()
		p.ID([]byte("99"))
		p.SetMeta("progressToken", []byte(`"gw-1"`))
		p.SetField("name", []byte(`"find"`))
		p.Bytes()
	}
}

func BenchmarkElements(b *testing.B) {
	raw := []byte("[" + strings.Repeat(`{"name":"tool","inputSchema":{"type":"object"}},`, 1000) + "{}]")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := jsonrpc.Elements(raw, func(jsonrpc.Span) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
