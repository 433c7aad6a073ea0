package onnx_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"doorward/internal/docs/embed/onnx"
)

func tokenizer(t testing.TB) []byte {
	b, err := os.ReadFile("testdata/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tokens(t testing.TB, text string, most int) []int64 {
	ids, err := onnx.Tokens(tokenizer(t), text, most)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// The ids are those of Hugging Face's tokenizers: see testdata/README.md.
func TestTokens(t *testing.T) {
	raw, err := os.ReadFile("testdata/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Text string  `json:"text"`
		IDs  []int64 `json:"ids"`
	}
	if err := json.Unmarshal(raw, &all); err != nil || len(all) < 20 {
		t.Fatal(err, len(all))
	}
	for _, tc := range all {
		if got := tokens(t, tc.Text, 512); !slices.Equal(got, tc.IDs) {
			t.Errorf("%q: %v, want %v", tc.Text, got, tc.IDs)
		}
	}
}

// A text cannot write the tokens that stand for its own beginning and end.
func TestSpecialTokensAreText(t *testing.T) {
	if got, want := tokens(t, "key [SEP] [CLS]", 512), []int64{1, 9, 41, 62, 42, 41, 63, 42, 2}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTokensAreCut(t *testing.T) {
	for text, want := range map[string][]int64{
		strings.Repeat("key ", 100):          {1, 9, 9, 9, 2},
		"key keying gate":                    {1, 9, 9, 18, 2},
		"keyss keyss keyss":                  {1, 10, 17, 10, 2},
		"key":                                {1, 9, 2},
		"gateways " + strings.Repeat("#", 9): {1, 13, 14, 17, 2},
	} {
		if got := tokens(t, text, 5); !slices.Equal(got, want) {
			t.Errorf("%.20q: %v, want %v", text, got, want)
		}
	}
}

func TestTokenizersThatAreNone(t *testing.T) {
	whole := string(tokenizer(t))
	for want, file := range map[string]string{
		"no tokenizer.json":       whole[:100],
		`its model is "BPE"`:      strings.Replace(whole, `"type": "WordPiece", "unk`, `"type": "BPE", "unk`, 1),
		"not BERT's":              strings.Replace(whole, `"BertNormalizer"`, `"Lowercase"`, 1),
		"are not BERT":            strings.Replace(whole, `"BertPreTokenizer"`, `"ByteLevel"`, 1),
		"no bound":                strings.Replace(whole, `"max_input_chars_per_word": 100`, `"max_input_chars_per_word": 0`, 1),
		`vocabulary has no "[SEP`: strings.Replace(whole, `"[SEP]": 2`, `"[SEQ]": 2`, 1),
		"its model is":            `{}`,
	} {
		if _, err := onnx.Tokens([]byte(file), "key", 8); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Whatever a text is, its tokens begin and end as they should, and are no more than they may be.
func FuzzTokens(f *testing.F) {
	for _, s := range []string{"", "the key", "\xff\x00", "İ", "中文", "a\u0301\u0301", "[SEP]"} {
		f.Add(s, 8)
	}
	file := tokenizer(f)
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = 3 + max(0, most)%510
		ids, err := onnx.Tokens(file, text, most)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(ids); n < 2 || n > most || ids[0] != 1 || ids[n-1] != 2 || slices.Min(ids) < 1 || slices.Max(ids) > 79 {
			t.Errorf("%q has the tokens %v", text, ids)
		}
	})
}
