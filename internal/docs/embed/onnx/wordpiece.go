package onnx

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"golang.org/x/text/unicode/norm"
)

// tokenizer cuts texts as BERT does (WordPiece). Names of special tokens within a text are
// text: what is embedded may be anybody's.
type tokenizer struct {
	whole, more         map[string]int64 // the vocabulary: at the beginning of a word, and within one
	first, last, other  int64            // [CLS], [SEP], [UNK]
	most                int              // runes of a word; a longer one is unknown
	clean, ideographs   bool
	accentless, lowered bool
}

// written is what is read of a tokenizer.json.
type written struct {
	Normalizer *struct {
		Type       string `json:"type"`
		Clean      bool   `json:"clean_text"`
		Ideographs bool   `json:"handle_chinese_chars"`
		Accentless *bool  `json:"strip_accents"` // null: as lowercase
		Lowered    bool   `json:"lowercase"`
	} `json:"normalizer"`
	Split *struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	Model struct {
		Type    string           `json:"type"`
		Unknown string           `json:"unk_token"`
		Prefix  string           `json:"continuing_subword_prefix"`
		Most    int              `json:"max_input_chars_per_word"`
		Vocab   map[string]int64 `json:"vocab"`
	} `json:"model"`
}

// readTokenizer reads a tokenizer.json of a BERT model.
func readTokenizer(b []byte) (*tokenizer, error) {
	var w written
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, errors.New("it is no tokenizer.json")
	}
	switch {
	case w.Model.Type != "WordPiece":
		return nil, fmt.Errorf("its model is %q; WordPiece is read", w.Model.Type)
	case w.Normalizer == nil || w.Normalizer.Type != "BertNormalizer" || w.Split == nil || w.Split.Type != "BertPreTokenizer":
		return nil, errors.New("its normalizer and pre_tokenizer are not BERT's")
	case w.Model.Most < 1 || w.Model.Most > 1000 || w.Model.Prefix == "":
		return nil, errors.New("its words have no bound, or the parts of words no prefix")
	}
	t := &tokenizer{
		whole: make(map[string]int64, len(w.Model.Vocab)), more: make(map[string]int64, len(w.Model.Vocab)),
		most: w.Model.Most, clean: w.Normalizer.Clean, ideographs: w.Normalizer.Ideographs, lowered: w.Normalizer.Lowered, accentless: w.Normalizer.Lowered,
	}
	if w.Normalizer.Accentless != nil {
		t.accentless = *w.Normalizer.Accentless
	}
	for piece, id := range w.Model.Vocab {
		t.whole[piece] = id
		if rest, ok := strings.CutPrefix(piece, w.Model.Prefix); ok {
			t.more[rest] = id
		}
	}
	for name, id := range map[string]*int64{"[CLS]": &t.first, "[SEP]": &t.last, w.Model.Unknown: &t.other} {
		v, ok := t.whole[name]
		if !ok {
			return nil, fmt.Errorf("its vocabulary has no %q", name)
		}
		*id = v
	}
	return t, nil
}

// tokens are the ids of a text's tokens between [CLS] and [SEP], at most so many in all;
// what comes after those is left out.
func (t *tokenizer) tokens(text string, most int) []int64 {
	ids := append(make([]int64, 0, most), t.first)
	text = t.normal(text)
	for len(text) > 0 && len(ids) < most-1 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case unicode.IsSpace(r):
		case punctuation(r):
			ids = t.word(ids, text[:n])
		default:
			n = strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || punctuation(r) })
			if n < 0 {
				n = len(text)
			}
			ids = t.word(ids, text[:n])
		}
		text = text[n:]
	}
	return append(ids[:min(len(ids), most-1)], t.last)
}

// word appends the longest pieces that a word is made of, from its beginning, or what is
// unknown where there is a part that none begins.
func (t *tokenizer) word(ids []int64, w string) []int64 {
	if utf8.RuneCountInString(w) > t.most {
		return append(ids, t.other)
	}
	kept, pieces := len(ids), t.whole
	for len(w) > 0 {
		n := len(w)
		for n > 0 {
			if id, ok := pieces[w[:n]]; ok {
				ids = append(ids, id)
				break
			}
			_, size := utf8.DecodeLastRuneInString(w[:n])
			n -= size
		}
		if n == 0 {
			return append(ids[:kept], t.other)
		}
		w, pieces = w[n:], t.more
	}
	return ids
}

// normal is the text as the vocabulary has it (BertNormalizer).
func (t *tokenizer) normal(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 16)
	for _, r := range text {
		switch {
		case t.clean && (r == 0 || r == utf8.RuneError || control(r)):
		case t.clean && unicode.IsSpace(r):
			b.WriteByte(' ')
		case t.ideographs && ideograph(r):
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	text = b.String()
	if t.accentless {
		text = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, norm.NFD.String(text))
	}
	if t.lowered {
		text = strings.ToLower(text)
	}
	return text
}

// control tells of runes that are taken out: of the categories C, but what separates lines
// and cells.
func control(r rune) bool {
	return r != '\t' && r != '\n' && r != '\r' && (unicode.Is(unicode.C, r) || !unicode.IsPrint(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z))
}

// punctuation tells of runes that are words by themselves.
func punctuation(r rune) bool {
	return r < utf8.RuneSelf && (r >= '!' && r <= '/' || r >= ':' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~') || r >= utf8.RuneSelf && unicode.IsPunct(r)
}

// ideograph tells of runes of the blocks that BERT sets apart: CJK Unified Ideographs, their
// extensions A to E, and their compatibility forms.
func ideograph(r rune) bool {
	for _, block := range [...][2]rune{{0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0xF900, 0xFAFF}, {0x2F800, 0x2FA1F}} {
		if r >= block[0] && r <= block[1] {
			return true
		}
	}
	return false
}
