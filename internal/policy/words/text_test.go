package words_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"doorward/internal/policy/words"
)

func TestText(t *testing.T) {
	fixed, empty := "main", ""
	for _, tc := range []struct {
		name       string
		rule       words.TextRule
		yes, no    []string
		wantFaults bool
	}{
		{name: "POL-30 free text passes unchanged", yes: []string{"", ";id", "$(id)", "a\nb", "日本", strings.Repeat("a", 1<<20)}, no: []string{strings.Repeat("a", 1<<20+1), "\xff"}},
		{name: "size in bytes", rule: words.TextRule{Size: 4}, yes: []string{"abcd", "ää"}, no: []string{"abcde", "äää"}},
		{name: "the pattern matches the whole", rule: words.TextRule{Pattern: "a|b+"}, yes: []string{"a", "bb"}, no: []string{"ab", "xa", "a\n", "", "\na", strings.Repeat("b", 4097)}},
		{name: "lines do not end a pattern", rule: words.TextRule{Pattern: "(?m)^a$"}, yes: []string{"a"}, no: []string{"a\nb", "b\na", "a\n"}},
		{name: "one of", rule: words.TextRule{OneOf: []string{"a", ""}}, yes: []string{"a", ""}, no: []string{"A", "a "}},
		{name: "equals", rule: words.TextRule{Equals: &fixed}, yes: []string{"main"}, no: []string{"", "Main", "main "}},
		{name: "equals nothing", rule: words.TextRule{Equals: &empty}, yes: []string{""}, no: []string{"a"}},
		{name: "all at once", rule: words.TextRule{Size: 3, Pattern: "[a-z]+", OneOf: []string{"abc", "abcd", "A"}}, yes: []string{"abc"}, no: []string{"abcd", "A"}},
		{name: "faults: size", rule: words.TextRule{Size: -1}, wantFaults: true},
		{name: "faults: too large", rule: words.TextRule{Size: 1<<20 + 1}, wantFaults: true},
		{name: "faults: unbalanced", rule: words.TextRule{Pattern: "a)|(b"}, wantFaults: true},
		{name: "faults: not RE2", rule: words.TextRule{Pattern: `(?=a)`}, wantFaults: true},
		{name: "faults: slow", rule: words.TextRule{Pattern: `(.{1,900}x){1,1}`, Size: 1 << 20}, wantFaults: true},
		{name: "faults: long", rule: words.TextRule{Pattern: strings.Repeat("a", 1025)}, wantFaults: true},
		{name: "faults: contradiction", rule: words.TextRule{OneOf: []string{"a"}, Equals: &fixed}, wantFaults: true},
		{name: "faults: many", rule: words.TextRule{OneOf: make([]string, 1001)}, wantFaults: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j, faults := words.NewText(tc.rule)
			if (len(faults) > 0) != tc.wantFaults || (j == nil) != tc.wantFaults {
				t.Fatalf("NewText: %v", faults)
			}
			for _, s := range tc.yes {
				if why := j.Judge(s); why != "" {
					t.Errorf("Judge(%.40q) = %s", s, why)
				}
			}
			for _, s := range tc.no {
				if j.Judge(s) == "" {
					t.Errorf("Judge(%.40q) passes", s)
				}
			}
		})
	}
}

// The worst pattern that a rule may have keeps its time on the worst text.
func TestTextPatternIsBounded(t *testing.T) {
	j, faults := words.NewText(words.TextRule{Pattern: `(?:.?){900}b`, Size: 4096})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	start := time.Now()
	if j.Judge(strings.Repeat("a", 4096)) == "" {
		t.Error("matches")
	}
	took := time.Since(start)
	t.Logf("%v", took)
	if took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestNumber(t *testing.T) {
	for _, tc := range []struct {
		rule    words.NumberRule
		yes, no []string
	}{
		{words.NumberRule{}, []string{"0", "-0", "1e400", "1.5E-400", "9007199254740993", "0.10"}, []string{
			"", "01", "+1", ".5", "1.", "0x10", "1_000", "1/3", "NaN", "Infinity", "1e401", "1e-401", "1e99999999999999999999", "1e", "1e+", "--1", " 1", "1 ", "\"1\"", "true", "-", "1e5e5",
			strings.Repeat("9", 513),
		}},
		{words.NumberRule{Min: "0", Max: "100"}, []string{"0", "-0", "-0.0", "100", "100.0", "1e2", "0.1e3", "99.999999999999999999999"}, []string{
			"-1", "101", "100.00000000000000000000000001", "-0.00000000000000000000000001", "1e3", "1e400", "-1e-400",
		}},
		{words.NumberRule{Max: "9007199254740992"}, []string{"9007199254740992", "-1e400"}, []string{"9007199254740993", "9007199254740992.0000001"}},
		{words.NumberRule{Min: "0.1"}, []string{"0.1", "0.10", "1e-1"}, []string{"0.09999999999999999999999"}},
	} {
		n, faults := words.NewNumber(tc.rule)
		if len(faults) > 0 {
			t.Fatalf("%+v: %v", tc.rule, faults)
		}
		for _, s := range tc.yes {
			if why := n.Judge(s); why != "" {
				t.Errorf("%+v: Judge(%q) = %s", tc.rule, s, why)
			}
		}
		for _, s := range tc.no {
			if n.Judge(s) == "" {
				t.Errorf("%+v: Judge(%q) passes", tc.rule, s)
			}
		}
	}
	for _, r := range []words.NumberRule{{Min: "x"}, {Max: "1e309"}, {Min: "2", Max: "1"}, {Min: "0x1"}, {Max: "1_0"}} {
		if n, faults := words.NewNumber(r); n != nil || len(faults) != 1 {
			t.Errorf("%+v: %v", r, faults)
		}
	}
}

// What passes is a number of bounded size between the bounds, by float64 too.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-1.5e3", "1e400", "100", "1e", "0x1", "99.9999999999999999999999999"} {
		f.Add(s)
	}
	n, faults := words.NewNumber(words.NumberRule{Min: "-0.1", Max: "9007199254740992"})
	if len(faults) > 0 {
		f.Fatal(faults)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n.Judge(s) != "" {
			return
		}
		v, _, err := big.ParseFloat(s, 10, 53, big.ToNearestEven)
		if err != nil || strings.Trim(s, "-+.eE0123456789") != "" {
			t.Fatalf("%q passes: %v", s, err)
		}
		if x, _ := v.Float64(); x < -0.1 || x > 9007199254740992 {
			t.Fatalf("%q passes and is %v", s, x)
		}
	})
}

func BenchmarkNumber(b *testing.B) {
	n, _ := words.NewNumber(words.NumberRule{Min: "0", Max: "1000"})
	b.ReportAllocs()
	for b.Loop() {
		if n.Judge("250") != "" {
			b.Fatal("refused")
		}
	}
}

func BenchmarkText(b *testing.B) {
	j, _ := words.NewText(words.TextRule{Pattern: `[A-Z]{2,10}-[0-9]{1,6}`})
	b.ReportAllocs()
	for b.Loop() {
		if j.Judge("PROJ-12345") != "" {
			b.Fatal("refused")
		}
	}
}
