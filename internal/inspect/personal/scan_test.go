package personal_test

import (
	"fmt"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/personal"
)

func TestScan(t *testing.T) {
	for name, tc := range map[string]struct {
		text, rule, part string
		severity         gate.Severity
	}{
		"card":              {"pay with 4111 1111 1111 1111 now", "personal.card", "4111 1111 1111 1111", gate.Medium},
		"card, bare":        {"5555555555554444", "personal.card", "5555555555554444", gate.Medium},
		"card, american":    {"3782-822463-10005", "personal.card", "3782-822463-10005", gate.Medium},
		"account":           {"to DE89 3704 0044 0532 0130 00.", "personal.iban", "DE89 3704 0044 0532 0130 00", gate.Medium},
		"account, bare":     {"GB29NWBK60161331926819", "personal.iban", "GB29NWBK60161331926819", gate.Medium},
		"social security":   {"SSN: 078-05-1120", "personal.ssn", "078-05-1120", gate.Medium},
		"Brazil":            {"529.982.247-25", "personal.cpf", "529.982.247-25", gate.Medium},
		"Netherlands":       {"BSN 111222333", "personal.bsn", "111222333", gate.Medium},
		"Poland":            {"PESEL 44051401359", "personal.pesel", "44051401359", gate.Medium},
		"Germany":           {"Steuer-ID 86095742719", "personal.steuer_id", "86095742719", gate.Medium},
		"Spain":             {"DNI 12345678Z", "personal.dni", "12345678Z", gate.Medium},
		"Spain, foreigner":  {"X1234567L", "personal.nie", "X1234567L", gate.Medium},
		"Italy":             {"RSSMRA85T10A562S", "personal.codice_fiscale", "RSSMRA85T10A562S", gate.Medium},
		"France":            {"NIR 2 55 08 14 168 025 38", "personal.nir", "2 55 08 14 168 025 38", gate.Medium},
		"India":             {"2341 2341 2346", "personal.aadhaar", "2341 2341 2346", gate.Medium},
		"United Kingdom":    {"AB123456C", "personal.nino", "AB123456C", gate.Medium},
		"NHS":               {"NHS number 943 476 5919", "personal.nhs_number", "943 476 5919", gate.Medium},
		"China":             {"11010519491231002X", "personal.resident_id", "11010519491231002X", gate.Medium},
		"passport":          {"L898902C36UTO7408122F1204159ZE184226B<<<<<10", "personal.passport", "L898902C36UTO7408122F1204159ZE184226B<<<<<10", gate.Medium},
		"mail":              {"write to ann@example.com.", "personal.email", "ann@example.com", gate.Low},
		"telephone":         {"call +49 30 901820", "personal.phone", "+49 30 901820", gate.Low},
		"telephone, groups": {"call 905-674-3793", "personal.phone", "905-674-3793", gate.Low},
	} {
		found := personal.Scan(tc.text)
		if len(found) != 1 || found[0].Rule != tc.rule || found[0].Severity != tc.severity {
			t.Errorf("%s: %+v", name, found)
			continue
		}
		if got := tc.text[found[0].Span.Start:found[0].Span.End]; got != tc.part {
			t.Errorf("%s: the span is of %q", name, got)
		}
		if strings.Contains(found[0].Text+found[0].Why, tc.part) {
			t.Errorf("%s: the finding says %q", name, found[0].Text)
		}
	}
}

// What only looks like a number of a person: one digit wrong, other things that are
// counted, and numbers within names.
func TestHonest(t *testing.T) {
	for _, text := range []string{
		"", "4111 1111 1111 1112", "DE89 3704 0044 0532 0130 01", "order 12345678901", "2026-11-27T01:02:03Z", "192.168.100.200", "version 10.20.30", "0.4111111111111111",
		"1700000000000", "id_4111111111111111", "a4111111111111111b", "0000000000000000", "666-05-1120", "529.982.247-24", "[1, 2, 3, 4, 5, 6]", "3.14159265358979", "12345678A",
		"000-00-0000", "AB12CD", "user@host", "@mention", "1234567890123456789012345678901234567890",
	} {
		for _, f := range personal.Scan(text) {
			if f.Severity > gate.Low {
				t.Errorf("%q: %s", text, f.Rule)
			}
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add("pay 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, ann@example.com., L898902C36UTO7408122F1204159ZE184226B<<<<<10")
	f.Add("DE8")
	f.Add("a@b.")
	f.Fuzz(func(t *testing.T, text string) {
		found := personal.Scan(text)
		end := 0
		for _, fi := range found {
			if fi.Span.Start < 0 || fi.Span.End > len(text) || fi.Span.End <= max(end, fi.Span.Start) {
				t.Fatalf("%+v in %q", fi, text)
			}
			end = fi.Span.End
		}
		if again := personal.Scan(text); fmt.Sprint(again) != fmt.Sprint(found) {
			t.Fatalf("%v, then %v", found, again)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	text := strings.Repeat("On 27 November 2026 we shipped 1,200 of 4711 parts to Ann, order 88-1203. ", 1500)
	for name, n := range map[string]int{"1KB": 1 << 10, "100KB": 100 << 10} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				personal.Scan(text[:n])
			}
		})
	}
}
