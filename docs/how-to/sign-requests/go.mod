module sign

go 1.26
