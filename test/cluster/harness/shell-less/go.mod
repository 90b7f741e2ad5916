module shell-less

go 1.21
