def data_card(*a): return ""
