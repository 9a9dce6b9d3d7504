module bench.example.org/send

go 1.19
