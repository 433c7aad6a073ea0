package secrets_test

import (
	"strings"
	"testing"

	"doorward/internal/inspect/secrets"
)

// strong are tokens whose own format gives them away.
func strong() map[string]string {
	return map[string]string{
		"aws":           "AK" + "IA" + drawn(base32, 16, "cut aws"),
		"google":        "AI" + "za" + drawn(urls[:62], 35, "cut google"),
		"github":        github("gh"+"p_", "cut"),
		"github_fine":   "github" + "_pat_" + drawn(alnum, 22, "cut c") + "_" + drawn(alnum, 59, "cut d"),
		"gitlab":        "gl" + "pat-" + drawn(urls[:62], 20, "cut e"),
		"npm":           github("np"+"m_", "cut f"),
		"slack":         "xo" + "xb-" + drawn("123456789", 12, "cut g") + "-" + drawn("123456789", 12, "cut h") + "-" + drawn(alnum, 24, "cut i"),
		"stripe":        "sk" + "_live_" + drawn(alnum, 24, "cut m"),
		"openai":        "sk" + "-proj-" + drawn(urls[:62], 60, "cut n"),
		"anthropic":     "sk" + "-ant-api03-" + drawn(urls[:62], 93, "cut o") + "AA",
		"hugging face":  "h" + "f_" + drawn(alnum, 34, "cut p"),
		"digitalocean":  "do" + "p_v1_" + drawn(hexes, 64, "cut q"),
		"sendgrid":      "S" + "G." + drawn(urls[:62], 22, "cut r") + "." + drawn(urls[:62], 43, "cut s"),
		"shopify":       "shp" + "at_" + drawn(hexes, 32, "cut t"),
		"docker":        "dck" + "r_pat_" + drawn(urls[:62], 27, "cut u"),
		"pypi":          "py" + "pi-AgEIcHlwaS5vcmc" + drawn(urls[:62], 70, "cut v"),
		"databricks":    "da" + "pi" + drawn(hexes, 32, "cut w"),
		"groq":          "gs" + "k_" + drawn(alnum, 52, "cut x"),
		"telegram like": "sq0" + "atp-" + drawn(urls[:62], 22, "cut y"),
		"json web":      webToken(),
	}
}

// shapes are ways to send the pieces of a text, as the values of calls.
func shapes() map[string]func(pieces []string) [][]string {
	calls := func(each func(i int, piece string) []string) func([]string) [][]string {
		return func(pieces []string) (all [][]string) {
			for i, p := range pieces {
				all = append(all, each(i, p))
			}
			return all
		}
	}
	words := []string{"the first part is ", "and the second ", "the last one: "}
	return map[string]func([]string) [][]string{
		"calls":                  calls(func(_ int, p string) []string { return []string{p} }),
		"calls, others constant": calls(func(_ int, p string) []string { return []string{"post", "general", p, "2026-11-27"} }),
		"calls, many others": calls(func(_ int, p string) []string {
			return []string{"post", "a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8", "i9", "j10", "k11", "l12", "m13", p}
		}),
		"calls, places change": calls(func(i int, p string) []string {
			return append(append([]string{"post"}, []string{"x1", "x2", "x3"}[:i]...), p, "end")
		}),
		"calls, a word before": calls(func(_ int, p string) []string { return []string{"note: " + p} }),
		"calls, words before":  calls(func(i int, p string) []string { return []string{words[i] + p + "."} }),
		"arguments":            func(pieces []string) [][]string { return [][]string{pieces} },
		"arguments, constants between": func(pieces []string) [][]string {
			return [][]string{{strings.Join(pieces, " markdown ")}, {"zz"}, interleaved(pieces, "markdown")}
		},
		"arguments, others between": func(pieces []string) [][]string {
			var one []string
			for i, p := range pieces {
				one = append(one, words[i], p, []string{"draft", "17", "no"}[i])
			}
			return [][]string{one}
		},
	}
}

func interleaved(pieces []string, with string) (all []string) {
	for _, p := range pieces {
		all = append(all, p, with)
	}
	return all
}

// A token that is cut anywhere, into two pieces or three, is found by the call that
// sends the last of them, whatever else the calls hold.
func TestEveryCut(t *testing.T) {
	for name, token := range strong() {
		if len(secrets.Scan(token)) == 0 {
			t.Fatalf("%s: %q is none", name, token)
		}
		for shape, send := range shapes() {
			t.Run(name+" in "+shape, func(t *testing.T) {
				for i := 1; i < len(token); i++ {
					cut(t, send, token[:i], token[i:])
				}
				step := 1
				if name != "github" {
					step = 31
				}
				for i := 1; i < len(token)-1; i++ {
					for j := i + 1; j < len(token); j += step {
						cut(t, send, token[:i], token[i:j], token[j:])
					}
				}
			})
		}
	}
}

func cut(t *testing.T, send func([]string) [][]string, pieces ...string) {
	t.Helper()
	var p secrets.Pieces
	for _, values := range send(pieces) {
		if len(p.Add("", values)) > 0 {
			return
		}
		for _, v := range values {
			if len(secrets.Scan(v)) > 0 {
				return // one piece is a token already
			}
		}
	}
	t.Errorf("nothing is found in %q", pieces)
}
