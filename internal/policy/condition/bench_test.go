package condition_test

import (
	"strings"
	"testing"

	"doorward/internal/policy/condition"
)

const example = `principal.tenant == args.owner && now.hour >= 8`

func benchmark(b *testing.B, source string) {
	b.Helper()
	p, in := compile(b, source), daytime()
	in.Args = []byte(`{"owner":"acme","repository":"gateway","title":"A title of some length","body":"` + strings.Repeat("x", 80) + `","labels":["bug","help"],"draft":false}`)
	b.ReportAllocs()
	for b.Loop() {
		if r, err := p.Eval(in); r != condition.True {
			b.Fatal(r, err)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	b.Run("args", func(b *testing.B) { benchmark(b, example) })
	b.Run("no args", func(b *testing.B) { benchmark(b, `principal.tenant == "acme" && now.hour >= 8`) })
	b.Run("list", func(b *testing.B) { benchmark(b, `args.labels.all(l, l in ["bug", "help"])`) })
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := condition.Compile(example); err != nil {
			b.Fatal(err)
		}
	}
}
