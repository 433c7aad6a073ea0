package personal_test

import (
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/personal"
)

const (
	low    = gate.Low
	medium = gate.Medium
	absent = gate.NoSeverity
)

// Numbers are those that the issuers, ICAO Doc 9303 and the card networks print
// as examples. The honest twin of each differs in one character.
func TestScan(t *testing.T) {
	for _, tc := range []struct {
		name, text, value string // value is what the span must hold
		rule              string
		severity          gate.Severity
	}{
		{"a card", "pay with 4111 1111 1111 1111 now", "4111 1111 1111 1111", "personal.card", medium},
		{"visa", "card 4012888888881881.", "4012888888881881", "personal.card", medium},
		{"visa, wrong digit", "card 4012888888881882.", "", "", absent},
		{"visa, 13 digits", "4222222222222", "4222222222222", "personal.card", medium},
		{"mastercard in groups", "no: 5555-3412-4444-1115", "5555-3412-4444-1115", "personal.card", medium},
		{"mastercard, series 2", `"pan":"2223003122003222"`, "2223003122003222", "personal.card", medium},
		{"american express", "3782 822463 10005", "3782 822463 10005", "personal.card", medium},
		{"diners", "30569309025904", "30569309025904", "personal.card", medium},
		{"jcb", "3530111333300000", "3530111333300000", "personal.card", medium},
		{"discover", "6011000990139424", "6011000990139424", "personal.card", medium},
		{"with its expiry", "4012 8888 8888 1881 12/27", "4012 8888 8888 1881", "personal.card", medium},
		{"no range of an issuer", "1234567812345670", "", "", absent},
		{"part of a longer number", "94012888888881881", "", "", absent},
		{"part of a sum", "a4012888888881881f", "", "", absent},
		{"behind a point", "0.4012888888881881", "", "", absent},
		{"all the same", "0000000000000000", "", "", absent},
		{"iban", "to GB82WEST12345698765432 please", "GB82WEST12345698765432", "personal.iban", medium},
		{"iban in groups", "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00", "personal.iban", medium},
		{"iban, wrong digit", "DE89 3704 0044 0532 0130 01", "", "", absent},
		{"iban, too short", "DE8937040044053201300", "", "", absent},
		{"iban, no country", "ZZ82WEST12345698765432", "", "", absent},
		{"ssn that is said to be one", "my SSN is 536-90-4399", "536-90-4399", "personal.ssn", medium},
		{"ssn", "id 536-90-4399", "536-90-4399", "personal.ssn", low},
		{"ssn that is never given out", "my SSN is 666-90-4399", "", "", absent},
		{"ssn of an advertisement", "SSN 078-05-1120", "", "", absent},
		{"germany", "Steuer-ID: 86095742719", "86095742719", "personal.national_id", medium},
		{"germany, wrong digit", "Steuer-ID: 86095742718", "", "", absent},
		{"germany, nobody says so", "order 86095742719", "", "", absent},
		{"france", "NIR 2 55 08 14 168 025 38", "2 55 08 14 168 025 38", "personal.national_id", medium},
		{"france, in one piece", "255081416802538", "255081416802538", "personal.national_id", medium},
		{"france, wrong digit", "255081416802539", "", "", absent},
		{"spain", "DNI 12345678Z", "12345678Z", "personal.national_id", medium},
		{"spain, wrong letter", "DNI 12345678A", "", "", absent},
		{"spain, foreigner", "NIE X1234567L", "X1234567L", "personal.national_id", medium},
		{"spain, foreigner, wrong letter", "NIE X1234567A", "", "", absent},
		{"italy", "CF RSSMRA85T10A562S", "RSSMRA85T10A562S", "personal.national_id", medium},
		{"italy, wrong letter", "CF RSSMRA85T10A562T", "", "", absent},
		{"netherlands", "BSN 111222333", "111222333", "personal.national_id", medium},
		{"netherlands, nobody says so", "111222333", "", "", absent},
		{"poland", "PESEL 44051401359", "44051401359", "personal.national_id", medium},
		{"poland, wrong digit", "PESEL 44051401358", "", "", absent},
		{"brazil", "529.982.247-25", "529.982.247-25", "personal.national_id", medium},
		{"brazil, wrong digit", "529.982.247-26", "", "", absent},
		{"brazil, company", "11.444.777/0001-61", "11.444.777/0001-61", "personal.national_id", medium},
		{"india", "Aadhaar 2341 2341 2346", "2341 2341 2346", "personal.national_id", medium},
		{"india, wrong digit", "Aadhaar 2341 2341 2347", "", "", absent},
		{"switzerland", "756.9217.0769.85", "756.9217.0769.85", "personal.national_id", medium},
		{"belgium", "85.07.30-033.28", "85.07.30-033.28", "personal.national_id", medium},
		{"china", "11010519491231002X", "11010519491231002X", "personal.national_id", medium},
		{"china, wrong character", "110105194912310021", "", "", absent},
		{"sweden", "personnummer 811228-9874", "811228-9874", "personal.national_id", medium},
		{"turkey", "TC kimlik 10000000146", "10000000146", "personal.national_id", medium},
		{"united kingdom, health", "NHS 943 476 5919", "943 476 5919", "personal.national_id", medium},
		{"united kingdom, insurance", "National Insurance AB123456C", "AB123456C", "personal.national_id", low},
		{"canada, not given out", "SIN 046 454 286", "", "", absent},
		{"canada, given out", "SIN 130 692 544", "130 692 544", "personal.national_id", medium},
		{"mexico", "CURP HEGG560427MVZRRL04", "HEGG560427MVZRRL04", "personal.national_id", medium},
		{"mexico, wrong digit", "CURP HEGG560427MVZRRL05", "", "", absent},
		{"passport", "L898902C36UTO7408122F1204159ZE184226B<<<<<10", "L898902C36UTO7408122F1204159ZE184226B<<<<<10", "personal.passport", medium},
		{"passport, wrong digit", "L898902C46UTO7408122F1204159ZE184226B<<<<<10", "", "", absent},
		{"passport, first line", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "personal.passport", low},
		{"identity card", "I<UTOD231458907<<<<<<<<<<<<<<<", "I<UTOD231458907<<<<<<<<<<<<<<<", "personal.passport", medium},
		{"email", "write to jane.doe+x@corp.co.uk.", "jane.doe+x@corp.co.uk", "personal.email", low},
		{"email of documentation", "jane@example.com", "", "", absent},
		{"a name of a package", "npm i left-pad@1.3.0 @scope/pkg", "", "", absent},
		{"phone", "call me at 030 1234567", "030 1234567", "personal.phone", low},
		{"phone, international", "+49 30 901820", "+49 30 901820", "personal.phone", low},
		{"phone, in brackets", "(212) 555-0123", "(212) 555-0123", "personal.phone", low},
		{"phone, north america", "or 212-555-0123", "212-555-0123", "personal.phone", low},
		{"a time", "1700000000123 and 2026-11-27 10:00", "", "", absent},
		{"an address of a machine", "at 192.168.100.200:8080", "", "", absent},
		{"a version", "v1.2.3+20240101123000", "", "", absent},
		{"a UUID", "123e4567-e89b-12d3-a456-426614174000", "", "", absent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := personal.Scan(tc.text)
			if tc.severity == absent {
				if len(got) != 0 {
					t.Errorf("%q: %+v", tc.text, got)
				}
				return
			}
			if len(got) != 1 || got[0].Rule != tc.rule || got[0].Severity != tc.severity {
				t.Fatalf("%q: got %+v, want %s %s", tc.text, got, tc.rule, tc.severity)
			}
			if at := tc.text[got[0].Span.Start:got[0].Span.End]; at != tc.value {
				t.Errorf("span of %q, want %q", at, tc.value)
			}
			if strings.Contains(got[0].Text+got[0].Why, tc.value) {
				t.Errorf("it shows what it found: %+v", got[0])
			}
		})
	}
}
