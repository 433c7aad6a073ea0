package personal

// The check digits of numbers of persons. Each function is given as many digits
// as its row in nationals says.

// cpf: Brazil, two digits modulo 11 (Receita Federal).
func cpf(d string) bool {
	return eleven(weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == int(d[9]-'0') && eleven(weighted(d, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == int(d[10]-'0')
}

// cnpj: Brazil, companies.
func cnpj(d string) bool {
	return eleven(weighted(d, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) == int(d[12]-'0') && eleven(weighted(d, 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) == int(d[13]-'0')
}

// eleven is the check digit of a sum: 11 less the remainder, 0 above 9.
func eleven(sum int) int {
	if r := sum % 11; r >= 2 {
		return 11 - r
	}
	return 0
}

// pesel: Poland, weights 1 3 7 9, after a date whose month tells the century.
func pesel(d string) bool {
	month := int(d[2]-'0')*10 + int(d[3]-'0')
	return month%20 >= 1 && month%20 <= 12 && day(d[4:6]) && (10-weighted(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10 == int(d[10]-'0')
}

// steuerID: Germany, ISO/IEC 7064 MOD 11,10. One digit of the first ten is there
// twice or three times.
func steuerID(d string) bool {
	if d[0] == '0' {
		return false
	}
	var count [10]int
	product := 10
	for i := range 10 {
		count[d[i]-'0']++
		sum := (int(d[i]-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	more := 0
	for _, n := range count {
		if n > 3 {
			return false
		}
		if n > 1 {
			more++
		}
	}
	return more == 1 && (11-product)%10 == int(d[10]-'0')
}

// aadhaar: India, the scheme of Verhoeff (1969); the first digit is 2 or above.
func aadhaar(d string) bool {
	if d[0] < '2' {
		return false
	}
	multiply := [10]string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}
	permute := [8]string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
	c := byte('0')
	for i := range len(d) {
		c = multiply[c-'0'][permute[i%8][d[len(d)-1-i]-'0']-'0']
	}
	return c == '0'
}

// bsn: Netherlands, the test of eleven; the last weight is -1.
func bsn(d string) bool { return weighted(d, 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0 }

// nir: France, 97 less the remainder; sex, year, month, department.
func nir(d string) bool {
	month := int(d[3]-'0')*10 + int(d[4]-'0')
	if d[0] != '1' && d[0] != '2' || month < 1 || month > 12 && month < 20 || month > 42 && month < 50 {
		return false
	}
	return 97-modulo(d[:13], 97) == modulo(d[13:], 1000)
}

func modulo(d string, m int) int {
	r := 0
	for i := range len(d) {
		r = (r*10 + int(d[i]-'0')) % m
	}
	return r
}

// belgium: 97 less the remainder, since 2000 with a 2 before.
func belgium(d string) bool {
	check := modulo(d[9:], 1000)
	return dated(d[:6]) && (97-modulo(d[:9], 97) == check || 97-modulo("2"+d[:9], 97) == check)
}

func swedish(d string) bool { return dated(d[:6]) && luhn(d) }

// danish: modulo 11; numbers given out since 2007 need not hold, and are not found.
func danish(d string) bool {
	return dated(d[4:6]+d[2:4]+d[:2]) && weighted(d, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// norwegian: two digits modulo 11.
func norwegian(d string) bool {
	return weighted(d, 3, 7, 6, 1, 8, 9, 4, 5, 2, 1)%11 == 0 && weighted(d, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// nhs: United Kingdom, modulo 11.
func nhs(d string) bool { return weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)%11 == 0 }

// ahv: Switzerland, EAN-13 beginning with the country, 756.
func ahv(d string) bool {
	return d[:3] == "756" && weighted(d, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)%10 == 0
}

// tfn: Australia, modulo 11.
func tfn(d string) bool { return weighted(d, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0 }

// chinese: GB 11643, ISO/IEC 7064 MOD 11-2, with the date of birth inside. One
// that ends in X is found by lettered.
func chinese(d string) bool {
	return dated(d[8:14]) && (d[6:8] == "19" || d[6:8] == "20") && d[0] != '0' && d[0] <= '8' &&
		(12-weighted(d, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11)%11 == int(d[17]-'0')
}

// turkish: two digits, of the odd and even places and of all.
func turkish(d string) bool {
	odd := weighted(d, 1, 0, 1, 0, 1, 0, 1, 0, 1)
	even := weighted(d, 0, 1, 0, 1, 0, 1, 0, 1)
	return d[0] != '0' && ((odd*7-even)%10+10)%10 == int(d[9]-'0') && weighted(d, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)%10 == int(d[10]-'0')
}

// dated tells whether six digits are a year, a month and a day.
func dated(d string) bool {
	month := int(d[2]-'0')*10 + int(d[3]-'0')
	return month >= 1 && month <= 12 && day(d[4:6])
}

func day(d string) bool {
	n := int(d[0]-'0')*10 + int(d[1]-'0')
	return n >= 1 && n <= 31
}
