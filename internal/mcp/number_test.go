package mcp_test

import (
	"math/big"
	"strings"
	"testing"

	"doorward/internal/mcp"
)

// PIN-09: another spelling of a number is no change, another number is.
func TestPIN09_NumbersInOneSpelling(t *testing.T) {
	for want, spellings := range map[string][]string{
		"0":                {"0", "0.0", "0e7", "0.000E-3"},
		"-0":               {"-0", "-0.0", "-0e1"},
		"1":                {"1", "1.0", "1E0", "10e-1", "0.1e1", "1.000"},
		"-12.5":            {"-12.5", "-12.50", "-125e-1", "-0.125E+2"},
		"1200":             {"1200", "1.2e3", "12E2", "1200.00"},
		"0.001":            {"0.001", "1e-3", "0.1e-2"},
		"9007199254740993": {"9007199254740993", "9007199254740993.0", "9007199254740993e0"},
		"1e21":             {"1e21", "1000000000000000000000", "10E20"},
		"1e400":            {"1e400", "10e399"},
		"1e-400":           {"1e-400", "0.1e-399"},
	} {
		for _, s := range spellings {
			got, err := mcp.Pinned([]byte(`{"a":[` + s + `],"1.0":"1.0"}`))
			if want := `{"1.0":"1.0","a":[` + want + `]}`; err != nil || string(got) != want {
				t.Errorf("%s: %s, %v, want %s", s, got, err, want)
			}
		}
	}
	const huge = `[1e99999999999999999999,1.0]`
	if got, err := mcp.Pinned([]byte(huge)); err != nil || string(got) != `[1e99999999999999999999,1]` {
		t.Errorf("%s, %v", got, err)
	}
}

// FuzzPinned: two numbers are spelled alike exactly where they are equal, as
// math/big has it, and the spelling is its own.
func FuzzPinned(f *testing.F) {
	for _, s := range []string{"1", "1.0", "-0", "0", "1e21", "123.4500e-3", "9007199254740993", "0.000001"} {
		f.Add(s, "1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		va, oka := rational(a)
		vb, okb := rational(b)
		if !oka || !okb {
			return
		}
		pa, err := mcp.Pinned([]byte(a))
		if err != nil {
			return // no JSON
		}
		pb, err := mcp.Pinned([]byte(b))
		if err != nil {
			return
		}
		if again, err := mcp.Pinned(pa); err != nil || string(again) != string(pa) {
			t.Fatalf("%s is %s, which is %s, %v", a, pa, again, err)
		}
		zeros := va.Sign() == 0 && vb.Sign() == 0 && strings.HasPrefix(string(pa), "-") != strings.HasPrefix(string(pb), "-")
		if same := string(pa) == string(pb); same != (va.Cmp(vb) == 0 && !zeros) {
			t.Fatalf("%s is %s and %s is %s", a, pa, b, pb)
		}
	})
}

// rational is a number that is short enough to be computed with.
func rational(s string) (*big.Rat, bool) {
	if at := strings.IndexAny(s, "eE"); len(s) > 40 || at >= 0 && len(s)-at > 5 {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}
