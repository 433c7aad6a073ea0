package audit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"doorward/internal/audit"
)

// BenchmarkCall is what one call costs: an intent and an outcome.
func BenchmarkCall(b *testing.B) {
	for _, d := range []audit.Durability{audit.Process, audit.Power} {
		b.Run(fmt.Sprint("durability=", d), func(b *testing.B) {
			cfg := config(b.TempDir())
			cfg.Durability = d
			l := open(b, cfg)
			ex := exchange("0199a0f4-7a31-7000-8000-000000000000")
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Intent(context.Background(), ex); err != nil {
					b.Fatal(err)
				}
				if err := l.Outcome(context.Background(), ex, done()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkArguments is what it costs to keep 4 KiB of arguments.
func BenchmarkArguments(b *testing.B) {
	arguments := `{"text":"` + strings.Repeat("a", 4<<10) + `"}`
	for how, name := range map[audit.Arguments]string{audit.Sealed: "sealed", audit.Hashed: "hashed", audit.Plain: "plain", audit.None: "none"} {
		b.Run(name, func(b *testing.B) {
			cfg := config(b.TempDir())
			cfg.Arguments = how
			l := open(b, cfg)
			ex := says("0199a0f4-7a31-7000-8000-000000000000", "tools/call", `{"name":"read","arguments":`+arguments+`}`, arguments)
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Intent(context.Background(), ex); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCallParallel(b *testing.B) {
	l := open(b, config(b.TempDir()))
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		ex := exchange("0199a0f4-7a31-7000-8000-000000000000")
		for pb.Next() {
			if err := l.Intent(context.Background(), ex); err != nil {
				b.Error(err)
			}
			if err := l.Outcome(context.Background(), ex, done()); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	cfg := config(b.TempDir())
	const calls = 50_000
	fillLog(b, cfg, calls)
	b.ReportAllocs()
	for b.Loop() {
		verify(b, cfg.Dir)
	}
	b.ReportMetric(float64(2*calls*b.N)/b.Elapsed().Seconds(), "records/s")
}
