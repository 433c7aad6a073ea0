package reveal

import (
	"strings"
	"sync"
)

// common are frequent words of running text, and words of instructions to a
// program, in the languages with Latin letters that definitions are written in:
// enough to tell that a decoded text is language, not what it wants.
const common = `
a about above access account act add address admin after again agent all allow also always an and answer any api are as ask assistant at attach
attacker available be because been before being below between body both bypass but by call called can cannot card chat check code command commands
complete completely concealed confirm contact content contents continue conversation copy could credential credentials data database default delete
describe description details disable disregard do document documents does done down each email encode ensure environment every everything execute
export external fetch file files find first folder following for forget format forward from full function get give given go has have he her here hide
hidden him his history home how however i if ignore immediately important in include including info inform information input inside instead
instruction instructions into invoke is it its json just keep key keys know last leak list log login long mail make manager may me mention message messages
mode model more most must my name need never new next no not note nothing notify now number of off on once one only open or order other our out output over
override own page parameter parameters pass password passwords path payload people please post previous previously print prior private prompt provide public
query quietly read regardless remember remove replace reply report request requests respond response result results return returned reveal role rule rules run safe safety
same save say search secret secrets secretly security see select send sensitive server service session set shall she shell should show silently skip so some
ssh start state step store string submit such system take task tell text than that the their them then there these they this those through time
to today token tokens tool tools transfer trust two under unless until up upload url urls us use used user users using value values very via wait want was way we
web were what when where which while who whole why will with within without work world write yes you your yourself hello website
de la el los las un una que por para con sin antes todo todos usuario ignora instrucciones anteriores archivo archivos contrase clave enviar lee leer nunca siempre como
le les des une est pas pour dans avec sans avant tout tous utilisateur ignorez instructions fichier fichiers mot passe envoyer lire jamais toujours vous votre
der die das und ist nicht ein eine mit ohne vor alle alles benutzer ignoriere anweisungen datei dateien passwort sende lies niemals immer sie ihre bitte den dem zu von
il lo gli che per senza prima tutto tutti utente ignora istruzioni precedenti leggi invia mai sempre sono della
os as do da em uma para com sem antes tudo todos usuario ignore arquivo arquivos senha envie leia nunca sempre voce
het een en van niet met zonder voor alle gebruiker negeer bestand wachtwoord stuur lees nooit altijd
w z na nie do jest bez przed wszystkie plik haslo
bir ve bu icin ile olmadan once tum kullanici dosya parola
yang dan di untuk dengan tanpa sebelum semua pengguna abaikan berkas kata sandi
och att det som inte med utan alla filen`

// dictionary is a set of words of small letters. Words of up to eight bytes are
// looked up as numbers, which is most of the time that a plain text takes.
type dictionary struct {
	short [4096]uint64 // open addressing; a third is used
	long  map[string]struct{}
}

//nolint:gochecknoglobals // a table; read-only
var vocabulary = sync.OnceValue(func() *dictionary {
	d := &dictionary{long: map[string]struct{}{}}
	for w := range strings.FieldsSeq(common) {
		if len(w) > 8 {
			d.long[w] = struct{}{}
			continue
		}
		n := packed(w)
		i := slot(n)
		for d.short[i] != 0 && d.short[i] != n {
			i = (i + 1) % uint64(len(d.short))
		}
		d.short[i] = n
	}
	return d
})

// packed is a word of at most eight bytes in small letters as a number.
func packed(w string) uint64 {
	n := uint64(0)
	for i := range len(w) {
		c := w[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		n = n<<8 | uint64(c)
	}
	return n
}

// slot is where the search for a number begins (Knuth, 6.4: multiplicative hashing).
func slot(n uint64) uint64 { return n * 0x9e3779b97f4a7c15 >> 52 }

// known tells whether a word is in the vocabulary, in any case.
func known(s string) bool {
	if len(s) == 0 || len(s) > maxWord {
		return false
	}
	d := vocabulary()
	if len(s) <= 8 {
		n := packed(s)
		for i := slot(n); d.short[i] != 0; i = (i + 1) % uint64(len(d.short)) {
			if d.short[i] == n {
				return true
			}
		}
		return false
	}
	var lower [maxWord]byte
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	_, ok := d.long[string(lower[:len(s)])]
	return ok
}
