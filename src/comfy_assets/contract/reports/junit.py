def document(o): return ''
