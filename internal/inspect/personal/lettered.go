package personal

import (
	"strings"

	"doorward/internal/gate"
)

// lettered judges what begins with a capital: bank accounts, national numbers with
// letters, and the lines of a passport. end is where to go on.
func lettered(text string, i int) (found *gate.Finding, end int) {
	word := i
	for word < len(text) && alnum(text[word]) {
		word++
	}
	if end, ok := iban(text, i); ok {
		return finding("iban", "a bank account: its check digits are right", gate.Medium, i, end), end
	}
	if end, ok := passport(text, i); ok {
		return finding("passport", "the machine-readable line of a passport", gate.Medium, i, end), end
	}
	w := text[i:word]
	switch {
	case len(w) == 16 && fiscale(w):
		return finding("codice_fiscale", "a tax number of Italy", gate.Medium, i, word), word
	case len(w) == 10 && pan(w) && around(text[:i], "pan", "tax", "income"):
		return finding("pan", "a tax number of India", gate.Medium, i, word), word
	case len(w) == 9 && w[0] >= 'X' && w[0] <= 'Z' && spanish(string(w[0]-'X'+'0')+w[1:]):
		return finding("nie", "a number of a foreigner in Spain", gate.Medium, i, word), word
	case len(w) == 9 && nino(w):
		return finding("nino", "a national insurance number of the United Kingdom", gate.Medium, i, word), word
	}
	return nil, max(word, i+1)
}

// lettersAfter judges digits that a letter follows: the identity card of Spain, and a
// resident number of China.
func lettersAfter(text string, start, end int) *gate.Finding {
	word := end
	for word < len(text) && alnum(text[word]) {
		word++
	}
	w := text[start:word]
	switch {
	case len(w) == 9 && upper(w[8]) && spanish(w):
		return finding("dni", "a number of an identity card of Spain", gate.Medium, start, word)
	case len(w) == 18 && (w[17] == 'X' || w[17] == 'x') && allDigits(w[:17]) && residentCheck(w[:17]) == 'X' && born(w):
		return finding("resident_id", "a resident number of China", gate.Medium, start, word)
	}
	return nil
}

func allDigits(s string) bool {
	return len(s) > 0 && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// lengths are those of accounts by country (the IBAN registry of SWIFT, release 99).
const lengths = " AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 " +
	"GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 " +
	"PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "

// iban is an account (ISO 13616), with blanks or without, whose check digits are
// right, that begins at i.
func iban(text string, i int) (end int, ok bool) {
	if i+15 > len(text) || !upper(text[i+1]) || !digit(text[i+2]) || !digit(text[i+3]) {
		return 0, false
	}
	at := strings.Index(lengths, " "+text[i:i+2])
	if at < 0 {
		return 0, false
	}
	want := number(lengths[at+3 : at+5])
	account := make([]byte, 0, want)
	for end = i; end < len(text) && len(account) < want; end++ {
		switch c := text[end]; {
		case alnum(c):
			account = append(account, c)
		case (c == ' ' || c == '-') && len(account) > 0 && end+1 < len(text) && alnum(text[end+1]):
		default:
			return 0, false
		}
	}
	if len(account) < want || end < len(text) && alnum(text[end]) {
		return 0, false
	}
	rest := 0
	for _, c := range append(account[4:len(account):len(account)], account[:4]...) {
		switch {
		case digit(c):
			rest = (rest*10 + int(c-'0')) % 97
		case upper(c):
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			rest = (rest*100 + int(c-'a') + 10) % 97
		}
	}
	return end, rest == 1
}

// spanish is the letter of Spain's numbers: the rest of the number by 23.
func spanish(w string) bool {
	return len(w) == 9 && allDigits(w[:8]) && "TRWAGMYFPDXBNJZSQVHLCKE"[number(w[:8])%23] == w[8]
}

// nino is the form of the United Kingdom's, with the prefixes that are not given.
func nino(w string) bool {
	if !upper(w[0]) || !upper(w[1]) || !allDigits(w[2:8]) || w[8] < 'A' || w[8] > 'D' {
		return false
	}
	return strings.IndexByte("DFIQUV", w[0]) < 0 && strings.IndexByte("DFIOQUV", w[1]) < 0 && !strings.Contains(" BG GB KN NK NT TN ZZ ", " "+w[:2]+" ")
}

// pan is the form of India's: five letters, of which the fourth says who, four digits,
// one letter.
func pan(w string) bool {
	for i := range len(w) {
		if letter := i < 5 || i == 9; letter != upper(w[i]) || !letter && !digit(w[i]) {
			return false
		}
	}
	return strings.IndexByte("PCHABGJLFT", w[3]) >= 0
}

// fiscale checks the last letter of Italy's: the sum of values that differ by place.
func fiscale(w string) bool {
	const form = "AAAAAA00A00A000A"
	odd := [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i := range len(w) {
		if (form[i] == 'A') != upper(w[i]) || form[i] == '0' && !digit(w[i]) {
			return false
		}
		if i == 15 {
			break
		}
		n := int(w[i] - 'A')
		if digit(w[i]) {
			n = int(w[i] - '0')
		}
		if i%2 == 0 {
			n = odd[n]
		}
		sum += n
	}
	return byte('A'+sum%26) == w[15]
}

// mrzLength is that of the second line of a passport (ICAO 9303-4).
const mrzLength = 44

// passport is the second line of a passport that begins at i, with all its check
// digits.
func passport(text string, i int) (end int, ok bool) {
	if i+mrzLength > len(text) {
		return 0, false
	}
	s := text[i : i+mrzLength]
	for j := range len(s) {
		if !upper(s[j]) && !digit(s[j]) && s[j] != '<' {
			return 0, false
		}
	}
	checks := mrz(s[:9]) == s[9] && mrz(s[13:19]) == s[19] && mrz(s[21:27]) == s[27] && mrz(s[:10]+s[13:20]+s[21:43]) == s[43]
	return i + mrzLength, checks && strings.IndexByte("MFX<", s[20]) >= 0
}

func mrz(s string) byte {
	sum := 0
	for i := range len(s) {
		n := 0
		switch {
		case digit(s[i]):
			n = int(s[i] - '0')
		case upper(s[i]):
			n = int(s[i]-'A') + 10
		}
		sum += n * [...]int{7, 3, 1}[i%3]
	}
	return byte('0' + sum%10)
}

// mail is an address around the '@' at i.
func mail(text string, i int) *gate.Finding {
	start := i
	for start > 0 && i-start < 64 && (alnum(text[start-1]) || strings.IndexByte("._%+-", text[start-1]) >= 0) {
		start--
	}
	end, dot := i+1, 0
	for end < len(text) && end-i < 253 && (alnum(text[end]) || text[end] == '-' || text[end] == '.') {
		if text[end] == '.' {
			dot = end
		}
		end++
	}
	if dot > 0 && dot == end-1 { // the end of a sentence
		end--
		dot = i + 1 + strings.LastIndexByte(text[i+1:end], '.')
	}
	if start == i || dot <= i+1 || end-dot < 3 {
		return nil
	}
	return finding("email", "an address of mail", gate.Low, start, end)
}
