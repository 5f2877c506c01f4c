def page(o, record=None): return ''
