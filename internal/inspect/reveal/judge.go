package reveal

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// maxJudged bounds how much of a decoded text is judged, in bytes.
const maxJudged = 4 << 10

// judgement is what a text that was decoded looks like.
type judgement uint8

const (
	noise    judgement = iota // no language
	language                  // words, in sentences
	orders                    // asks the reader for something
	aimed                     // for something of the model's or the user's, or is a shell command
)

// acts are verbs that orders to a program begin with.
const acts = `ignore disregard forget override bypass skip read open cat print output show reveal send mail email upload post put exfiltrate forward
include pass append attach transmit leak share copy delete remove run execute call invoke use retrieve extract access collect give provide respond
reply answer say write list search find get fetch download transfer wire pay create update set export disable enable approve add insert encode embed
dump steal grab harvest deploy install visit navigate click load follow obey act pretend become repeat tell notify summarize change modify replace
obey conceal hide withhold pretend report submit publish grant save store record log mark type enter keep invite share sign deploy trust redirect
ignora olvida lee envia manda ejecuta borra revela muestra escribe copia oculta entrega pasa incluye llama ignore ignorez oubliez oublie lisez lis envoyez
envoie executez execute supprimez supprime transmets transmettez montrez ecris ecrivez cachez cache donnez donne ajoutez appelez ignoriere ignorieren vergiss
vergessen lies lesen sende senden schicke losche loschen fuhre zeige schreibe verstecke verschweige ubergib gib rufe kopiere ignori dimentica leggi invia
esegui cancella mostra scrivi nascondi consegna passa chiama esqueca leia envie exclua apague mostre escreva esconda entregue passe chame negeer vergeet lees
stuur verstuur verwijder toon schrijf verberg geef roep abaikan lupakan baca kirim kirimkan hapus jalankan tampilkan sembunyikan zignoruj zapomnij przeczytaj
wyslij usun wykonaj pokaz ukryj podaj yoksay unut oku gonder sil calistir goster gizle glom las skicka radera kor visa dolj`

// sends are the acts that take something to an address.
const sends = `send post upload forward email mail exfiltrate transmit leak transfer wire pay envia envoyez sende invia envie stuur kirim`

// targets are what orders to models are about that orders to people are not.
const targets = `instruction instructions prompt prompts guideline guidelines restriction restrictions password passwords passwd
credential credentials keys apikey token tokens secret secrets ssh rsa conversation conversations assistant agent agents
model llm ai tool tools chat user users attacker transcript memory wallet
silently secretly quietly instrucciones usuario contrasena contrasenas clave claves utilisateur motdepasse passe cle anweisungen benutzer nutzer passwort passworter schlussel
istruzioni chiave senhas chave sleutel gebruikers polecenia hasla haslo uzytkownika klucz talimatlari kullanicinin sifrelerini sifre anahtar losenord
istruzioni utente instrucoes usuario senha gebruiker wachtwoord instruksi pengguna`

// things are what other orders are about.
const things = `rule rules system developer key env environment config history context parameter parameters argument file files folder directory
database record records customer data information account admin address url webhook email emails mail message messages contact contacts
cookie cookies session money payment never always immediately previous prior above everything anything yourself you private personal confidential saved stored balance author person value
archivo archivos anteriores fichier fichiers datei dateien arquivo bestand berkas`

// leads are the words that an order follows inside a sentence: and, then, please,
// must, to, not, in the languages of acts.
const leads = `on instead i ve and then please must should shall to always never not you will can first also now immediately or but assistant agent model just silently
secretly quietly need y e luego por favor debes debe et puis und dann bitte muss sie o poi deve devi ou depois en dan lalu kemudian harus tolong`

// foreign are stems of orders in scripts that Latin words cannot stand for:
// ignore, forget, send, read, delete, execute, password, key, user, instruction,
// in Chinese, Japanese, Korean, Russian, Ukrainian, Arabic, Hindi, Greek, Hebrew, Thai.
const foreign = `忽略 无视 無視 忘记 忘記 发送 發送 读取 讀取 删除 刪除 执行 執行 密码 密碼 密钥 密鑰 用户 用戶 指令 指示 不要告诉 送信 読み取 読んで パスワード 実行 削除 ユーザー
무시 잊어 전송 보내 읽어 읽고 삭제 실행 비밀번호 암호 사용자 지시 игнорир забудь отправ прочит прочти удали выполни пароль ключ пользовател инструкц ігнор надішл видали
تجاهل انس أرسل اقرأ احذف نفذ كلمة المرور مفتاح المستخدم تعليمات अनदेखा भूल भेज पढ़ मिटा चला पासवर्ड उपयोगकर्ता निर्देश αγνόησ στείλε διάβασε διέγραψε εκτέλεσε κωδικ χρήστη οδηγίες
התעלם שלח קרא מחק הרץ סיסמה משתמש הוראות ละเว้น ส่ง อ่าน ลบ รหัสผ่าน ผู้ใช้ คำสั่ง`

// shells are programs that an order in shell language begins with.
const shells = `curl wget bash sh zsh nc ncat netcat powershell pwsh cmd python python3 perl ruby node php rm chmod chown sudo eval exec iex cat cp mv dd
base64 openssl scp ssh rsync ftp telnet tar env printenv export crontab kill mkfifo socat certutil bitsadmin iwr invoke-webrequest xxd tee find`

type lexicon struct {
	acts, sends, targets, things, leads, shells map[string]bool
	foreign                                     []string
}

//nolint:gochecknoglobals // a table; read-only
var lexicons = sync.OnceValue(func() *lexicon {
	set := func(list string) map[string]bool {
		m := map[string]bool{}
		for w := range strings.FieldsSeq(list) {
			m[w] = true
		}
		return m
	}
	return &lexicon{acts: set(acts), sends: set(sends), targets: set(targets), things: set(things), leads: set(leads), shells: set(shells), foreign: strings.Fields(foreign)}
})

// judge sorts a decoded text by its words.
func judge(text string) judgement {
	if len(text) > maxJudged {
		n := maxJudged
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	folded := Fold(text)
	if command(strings.TrimSpace(text)) || orderedAbroad(folded) {
		return aimed
	}
	if !printable(folded) {
		folded = bareLetters(folded)
	}
	c := count(folded)
	switch {
	case c.words < 3 || c.familiar*5 < c.words*2:
		return noise
	case c.aims || c.acts > 0 && privately(folded) || c.sends > 0 && addressed(folded):
		return aimed
	case c.asks:
		return orders
	case c.words >= 4:
		return language
	}
	return noise
}

// tally is how many words of a text are of which sort, and whether an act stands
// near what it is about.
type tally struct {
	words, familiar, acts, sends int
	aims, asks                   bool // near a target, near a target or a thing
}

// reach is how many words may stand between an act and what it is about.
const reach = 12

func count(folded string) tally {
	var c tally
	lex := lexicons()
	leading, last := true, 0
	act, target, thing := -reach-1, -reach-1, -reach-1 // the last of each in the sentence
	for i := 0; i < len(folded); {
		start := i
		for i < len(folded) && letterAt(folded, i) {
			i++
		}
		if i == start {
			i++
			continue
		}
		word, gap := strings.Trim(folded[start:i], "-_'"), folded[last:start]
		leading = leading || strings.ContainsAny(gap, ".!?:;,(\"-*")
		if strings.ContainsAny(gap, ".!?") {
			act, target, thing = -reach-1, -reach-1, -reach-1
		}
		c.words++
		switch {
		case lex.acts[word] && leading:
			act = c.words
			c.acts++
			c.familiar++
			if lex.sends[word] {
				c.sends++
			}
		case lex.targets[word]:
			target = c.words
			c.familiar++
		case lex.things[word]:
			thing = c.words
			c.familiar++
		case lex.acts[word] || known(word):
			c.familiar++
		}
		c.aims = c.aims || act >= 0 && target >= 0 && max(act-target, target-act) <= reach
		c.asks = c.asks || c.aims || act >= 0 && thing >= 0 && max(act-thing, thing-act) <= reach
		leading, last = lex.leads[word], i
	}
	return c
}

// letterAt tells whether the byte at i belongs to a word: names with dashes and
// underscores are one, and every byte above ASCII is taken for a letter.
func letterAt(s string, i int) bool {
	c := s[i]
	return asciiLetter(c) || c >= utf8.RuneSelf || c == '\'' || i > 0 && (c == '-' || c == '_') && asciiLetter(s[i-1])
}

// privately tells whether a text names a file that is nobody else's business.
func privately(folded string) bool {
	return containsAny(folded, "~/", "/etc/", ".env", "id_rsa", ".ssh", ".aws", ".kube", ".git-credentials")
}

// addressed tells whether a text names a place that orders send to.
func addressed(folded string) bool { return containsAny(folded, "://", "@", "www.", ".example") }

func containsAny(s string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// orderedAbroad tells whether two stems of orders stand in a text.
func orderedAbroad(folded string) bool {
	if printable(folded) {
		return false
	}
	n := 0
	for _, stem := range lexicons().foreign {
		if strings.Contains(folded, stem) {
			if n++; n == 2 {
				return true
			}
		}
	}
	return false
}

// command tells whether a text is a line for a shell: a program that shells know
// with a flag, a path, an address or a pipe after it, or output piped to a shell.
func command(text string) bool {
	line, _, _ := strings.Cut(text, "\n")
	for _, pipe := range [...]string{"|sh", "| sh", "|bash", "| bash", "$(curl", "$(wget", "/dev/tcp/", "-EncodedCommand", "rm -rf "} {
		if strings.Contains(line, pipe) {
			return true
		}
	}
	program, rest, found := strings.Cut(line, " ")
	if !found || !lexicons().shells[strings.ToLower(program[strings.LastIndexByte(program, '/')+1:])] {
		return false
	}
	for f := range strings.FieldsSeq(rest) {
		if f[0] == '-' && len(f) > 1 || strings.ContainsAny(f, "/|$~") {
			return true
		}
	}
	return false
}

// legible tells whether a decoded text is one that people could have written:
// readable, mostly letters and spaces.
func legible(s string) bool {
	letters, all := 0, 0
	for _, r := range s {
		all++
		if unicode.IsLetter(r) || r == ' ' || unicode.IsMark(r) {
			letters++
		}
	}
	return letters*10 >= all*6 && readable(s)
}

// readable tells whether a text is valid and without control characters, which
// few rows of random bytes are.
func readable(s string) bool {
	if len(s) < 3 || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
		case kindOf(r) == control || kindOf(r) == private || kindOf(r) == unknown || r == utf8.RuneError:
			return false
		}
	}
	return true
}
