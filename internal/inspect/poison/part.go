package poison

// A part is what a sentence has of a request: who, what, where to, how. One alone says
// nothing. Bits are indices of partTable.
type part uint64

func (p part) has(all part) bool { return p&all == all }

// The parts that no class or topic makes alone.
const (
	slotPart    = "slot"
	demandPart  = "demand"  // a verb is demanded
	askedPart   = "asked"   // a verb is asked for
	foreignPart = "foreign" // the sentence is not English
)

// partTable has the parts by the names that blends.txt has them by, and the classes and
// topics that make them.
//
//nolint:gochecknoglobals // a table; read-only
var partTable = [...]struct {
	name  string
	class class
	topic topic
}{
	{"user", user, person},
	{"model", model, 0},
	{"you", you, 0},
	{"secret", secret | keeps, 0},
	{"talk", talk | prompt, 0},
	{"holding", 0, holding | realm},
	{"get", get, 0},
	{"move", put | send, 0},
	{slotPart, argument, 0},
	{"address", address, 0},
	{"link", link, 0},
	{"number", number, 0},
	{"target", recipient, 0},
	{"alter", alter, 0},
	{"instead", instead, 0},
	{"ours", 0, ours},
	{"outside", 0, outside},
	{"whole", whole, 0},
	{"must", must, 0},
	{"pretext", 0, pretext},
	{"aside", 0, aside},
	{"meddle", 0, meddle},
	{"copy", 0, duplicate},
	{"not", not, 0},
	{"tell", tell | show, 0},
	{"consent", confirm | aware, consent},
	{"granted", 0, granted},
	{"needless", 0, needless},
	{"lifted", 0, lifted},
	{"order", order, 0},
	{"chief", chief, 0},
	{"other", other, 0},
	{"tool", tool, 0},
	{"this", this, 0},
	{"stale", stale, 0},
	{"best", best, choice},
	{"prefer", prefer, want},
	{"call", call, 0},
	{"fail", fail, 0},
	{"fake", 0, fake},
	{"standing", standing, 0},
	{"when", when | before, 0},
	{"covert", covert, 0},
	{"hush", 0, hush | trace},
	{"result", result, 0},
	{"task", task, 0},
	{"prior", prior, 0},
	{"stored", 0, stored},
	{"file", file, 0},
	{"message", message, 0},
	{demandPart, 0, 0},
	{askedPart, 0, 0},
	{foreignPart, 0, 0},
	{"step", step, 0},
	{"until", 0, until},
	{"shield", 0, shield},
	{"off", 0, off},
	{"exclusive", 0, exclusive},
	{"ever", 0, ever},
	{"rivals", 0, rivals},
	{"praise", 0, praise},
}

// partNamed is the part of a name; 0 when there is none.
func partNamed(name string) part {
	for i := range partTable {
		if partTable[i].name == name {
			return 1 << i
		}
	}
	return 0
}

// The parts that parts makes of more than words.
//
//nolint:gochecknoglobals // read-only
var slots, demands, asks, foreigns = partNamed(slotPart), partNamed(demandPart), partNamed(askedPart), partNamed(foreignPart)

// parts is what the sentence has.
func (s *sentence) parts() part {
	var p part
	var what class
	var about topic
	for i := range s.words {
		w := &s.words[i]
		about |= w.topic
		if w.topic.has(granted) {
			what |= w.class &^ when // "is taken as given" sets no condition
		} else {
			what |= w.class
		}
	}
	for i := range partTable {
		if what.has(partTable[i].class) || about.has(partTable[i].topic) {
			p |= 1 << i
		}
	}
	for i := range s.words {
		switch {
		case s.asked[i] == demanded:
			p |= demands | asks
		case s.asked[i] > 0:
			p |= asks
		}
		if s.words[i].class.has(quoted) && s.alone(i) {
			p |= slots
		}
	}
	if s.foreign() {
		p |= foreigns
	}
	return p
}

// foreign tells whether the sentence is in another language than English.
func (s *sentence) foreign() bool {
	if !s.any.has(loose) && !s.accented() {
		return false
	}
	for i := range s.words {
		if english[string(s.reader.fold[s.words[i].fold:s.words[i].folded])] {
			return false
		}
	}
	return true
}

// accented tells whether the sentence has a letter beyond ASCII.
func (s *sentence) accented() bool {
	for _, c := range []byte(s.text[s.words[0].start:s.words[len(s.words)-1].end]) {
		if c >= 0xc0 && c != 0xe2 { // the first byte of a rune; U+2000 and above are marks that English has too
			return true
		}
	}
	return false
}

// english are words that hardly any sentence of English is without, and few of other languages have.
//
//nolint:gochecknoglobals // a table; read-only
var english = map[string]bool{
	"the": true, "and": true, "this": true, "with": true, "when": true, "from": true, "are": true, "you": true, "that": true, "must": true,
	"your": true, "returns": true, "use": true, "not": true, "should": true, "for": true, "be": true,
}
