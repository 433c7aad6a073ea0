package poison

// oneself are the words by which a text speaks of its author.
//
//nolint:gochecknoglobals // a table; read-only
var oneself = map[string]bool{
	"our": true, "ours": true, "my": true, "mine": true, "us": true, "vendor's": true, "operator's": true,
	"unser": true, "unsere": true, "unseren": true, "unserem": true, "unserer": true, "onze": true, "ons": true, "vara": true, "var": true,
	"notre": true, "nos": true, "nuestra": true, "nuestro": true, "nuestros": true, "nossa": true, "nosso": true, "nostro": true, "nostra": true, "nostri": true,
	"наш": true, "нашего": true, "нашу": true, "нашем": true, "нашей": true, "nasz": true, "nasze": true, "naszego": true, "naszej": true, "nasi": true, "nase": true,
	"bizim": true, "kami": true, "우리": true, "저희": true, "हमारे": true, "हमारा": true, "हमारी": true, "حسابنا": true, "عنواننا": true,
	"我们": true, "我方": true, "当社": true, "弊社": true, "我社": true,
}

// swaps judges orders that put the author's recipient in place of the user's.
func (s *sentence) swaps() {
	if !s.later() || !s.any.has(recipient) || !s.anyAsked() && !s.any.has(must) {
		return
	}
	at := s.first(recipient)
	if at < 0 {
		return
	}
	w, author := 0, false
	for i := range s.words {
		if i != at && oneself[string(s.reader.fold[s.words[i].fold:s.words[i].folded])] {
			w, author = 2, true
		}
	}
	if s.any.has(user) {
		w++
	}
	if s.any.has(instead | not) {
		w++
	}
	if s.any.has(alter) {
		w++
	}
	if w >= 3 && s.any.has(user) && author {
		s.report(kind{"poison.recipient", signRecipient, "puts another recipient in place of the user's"}, min(w+1, high), at, at)
	}
}
