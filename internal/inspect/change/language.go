package change

import (
	"strings"

	"doorward/internal/inspect/lexicon"
)

// articles are small words of languages that English is not written with. A text that
// has two of them, where there was none, changed its language.
//
//nolint:gochecknoglobals // a table; read-only
var articles = func() map[string]string {
	m := map[string]string{}
	for of, list := range map[string]string{
		"en": "the of and with for from this",
		"de": "der die das und ein eine einen ist nicht mit fur auf von zu den dem werden wird sich alle",
		"fr": "le la les des et une est dans pour avec sur du au aux ce cette qui que vous",
		"es": "el los las y una es para con del por que se su lo al este esta en",
		"it": "il gli e di una per con del della dei che si nel sono alla anche",
		"pt": "o os as e um uma para com do da dos das que em no na nao por ao",
		"nl": "de het een en van voor met op dat niet zijn wordt naar bij alle te",
		"pl": "i w na do z jest nie sie oraz dla lub przez ktore tego",
		"cs": "a v na do je se pro nebo pri ktere tento jako",
		"sv": "och att det som en ett av pa ar inte for till med",
		"tr": "ve bir bu icin ile olarak da de veya tum",
	} {
		for w := range strings.FieldsSeq(list) {
			if m[w] == "" && !english[w] {
				m[w] = of
			}
		}
	}
	return m
}()

// english are words of the lists that English has too.
//
//nolint:gochecknoglobals // a table; read-only
var english = map[string]bool{"die": true, "la": true, "a": true, "i": true, "as": true, "do": true, "no": true, "on": true, "per": true, "o": true, "e": true, "y": true, "v": true, "z": true, "w": true, "en": true, "de": true, "en-us": true, "es": true, "it": true, "is": true, "alle": true, "na": true, "da": true, "del": true, "to": true, "ar": true, "se": true, "te": true, "al": true, "con": true, "van": true, "den": true, "pro": true, "by": true, "fur": true, "sur": true, "as-is": true}

// languages are those of which a text has small words, and how many.
func languages(text string) map[string]int {
	out := map[string]int{}
	for w := range tokens(text) {
		if of := articles[lexicon.Fold(w)]; of != "" {
			out[of]++
		}
	}
	return out
}
